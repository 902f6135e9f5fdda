/// Files that are not what they should be.
#include "routedk/text/vocabulary.h"

#include "routedk/core/error.h"
#include "routedk/core/random.h"

#include <functional>

#include "core/temporary_folder.h"
#include "text/model.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

using routedk::testing::content_of;
using routedk::testing::message_of;
using routedk::testing::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class BadFile : public ::testing::Test {
 protected:
  /// One line that says `part` and names the file.
  void expect_refused(const std::string& name, const std::string& content, const std::string& part) {
    const auto path = folder_.write(name, content);
    const std::string message = message_of<FileError>([&path] { Vocabulary::load(path); });
    EXPECT_THAT(message, AllOf(HasSubstr(part), HasSubstr(path.string()), Not(HasSubstr("\n")))) << name;
  }
  TemporaryFolder folder_;
};

using Json = nlohmann::json;

class TokenizerJson : public BadFile {
 protected:
  /// Tokens 0 "a", 1 "b", 2 "ab" and the special 3 "<s>".
  static Json tiny() {
    return Json::parse(R"({"added_tokens": [{"id": 3, "content": "<s>", "special": true}],
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
      "decoder": {"type": "ByteLevel"},
      "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
  }
  void expect_refused_with(const std::string& pointer, const Json& value, const std::string& part) {
    Json file = tiny();
    file[Json::json_pointer(pointer)] = value;
    const auto path = folder_.write("tokenizer.json", file.dump());
    const std::string message = message_of<FileError>([&path] { Tokenizer::load(path); });
    EXPECT_THAT(message, AllOf(HasSubstr(part), HasSubstr(path.string()), Not(HasSubstr("\n"))));
  }
};

TEST_F(TokenizerJson, of_a_few_tokens_is_read) {
  const Tokenizer tokenizer = Tokenizer::load(folder_.write("tokenizer.json", tiny().dump()));
  EXPECT_EQ(tokenizer.encode("aba<s>"), (std::vector<TokenId>{2, 0}));  // <, s and > have no tokens
  EXPECT_EQ(tokenizer.encode_with_special("ab<s>"), (std::vector<TokenId>{2, 3}));
  EXPECT_EQ(tokenizer.bos(), kNoToken);
}

TEST_F(TokenizerJson, bos_is_the_template_s_first_special_token) {
  Json file = tiny();
  const Json single = {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
                       {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}};
  file["post_processor"] = {{"type", "TemplateProcessing"}, {"single", single}};
  EXPECT_EQ(Vocabulary::load(folder_.write("tokenizer.json", file.dump())).bos, 3);
  file["post_processor"] = {{"type", "Sequence"},
                            {"processors", Json::array({{{"type", "ByteLevel"}}, file["post_processor"]})}};
  EXPECT_EQ(Vocabulary::load(folder_.write("tokenizer.json", file.dump())).bos, 3);
}

TEST_F(TokenizerJson, user_defined_spellings_are_found_leftmost_then_longest) {
  Json file = tiny();
  file["added_tokens"] = Json::array({{{"id", 3}, {"content", "aab"}, {"special", false}},
                                      {{"id", 4}, {"content", "ba"}, {"special", false}},
                                      {{"id", 5}, {"content", "abba"}, {"special", false}}});
  const Tokenizer tokenizer = Tokenizer::load(folder_.write("tokenizer.json", file.dump()));
  EXPECT_EQ(tokenizer.encode("aabba"), (std::vector<TokenId>{3, 4}));
  EXPECT_EQ(tokenizer.encode("babba"), (std::vector<TokenId>{4, 1, 4}));
  EXPECT_EQ(tokenizer.encode("abba"), (std::vector<TokenId>{5}));
}

TEST_F(TokenizerJson, fields_that_change_ids_are_refused_by_name) {
  expect_refused_with("/model/type", "Unigram", "`model.type` must be \"BPE\", but is \"Unigram\"");
  expect_refused_with("/model/dropout", 0.1, "`model.dropout` must be null, but is 0.1");
  expect_refused_with("/model/byte_fallback", true, "`pre_tokenizer.type` must be \"Metaspace\"");
  expect_refused_with("/model/end_of_word_suffix", "</w>", "`model.end_of_word_suffix` must be null");
  expect_refused_with("/model/unk_token", "a", "`model.unk_token` must be null where a byte has no token");
  expect_refused_with("/normalizer", {{"type", "NFC"}},
                      "`normalizer` must be null, but is {\"type\":\"NFC\"}");
  expect_refused_with("/decoder", {{"type", "Metaspace"}}, "`decoder` must be of type \"ByteLevel\"");
  expect_refused_with("/pre_tokenizer", {{"type", "Metaspace"}},
                      "`pre_tokenizer.type` must be \"ByteLevel\"");
  expect_refused_with("/pre_tokenizer", nullptr, "`pre_tokenizer` must end with ByteLevel");
  expect_refused_with("/pre_tokenizer/add_prefix_space", true,
                      "`pre_tokenizer.add_prefix_space` must be false");
  expect_refused_with("/pre_tokenizer/use_regex", false, "`pre_tokenizer` must have a Split");
  expect_refused_with("/added_tokens/0/lstrip", true, "`added_tokens[0].lstrip` must be false");
}

TEST_F(TokenizerJson, steps_before_the_last_are_refused_by_name) {
  const auto with_step = [this](const Json& step, const std::string& part) {
    const Json steps = {step, {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}};
    expect_refused_with("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", steps}}, part);
  };
  const auto regex = [](const char* pattern, const char* behavior, bool invert) {
    return Json{
        {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", invert}};
  };
  with_step({{"type", "Punctuation"}},
            "`pre_tokenizer.pretokenizers[0].type` must be \"Split\" or \"Digits\"");
  with_step(regex("a", "Removed", false), "`pre_tokenizer.pretokenizers[0].behavior` must be \"Isolated\"");
  with_step(regex("a", "Isolated", true), "`pre_tokenizer.pretokenizers[0].invert` must be false");
  with_step(regex("(a+)+", "Isolated", false), "`pre_tokenizer.pretokenizers[0].pattern.Regex` must keep to");
  with_step(regex("\\p{Nonsense}", "Isolated", false), "is not at offset");
}

TEST_F(TokenizerJson, ids_must_be_each_number_once) {
  expect_refused_with("/model/vocab/ab", 1, "must differ from the id of `ab`, but is 1");
  expect_refused_with("/model/vocab/ab", 4,
                      "`model.vocab.ab` must be below 4, the number of tokens, but is 4");
  expect_refused_with("/model/vocab/ab", 1ULL << 40U, "but is 1099511627776");
  expect_refused_with("/model/vocab/ab", ~0ULL, "`model.vocab.ab` must be an integer");
  expect_refused_with("/model/vocab/ab", -1, "but is -1");
  expect_refused_with("/model/vocab/ab", "2", "`model.vocab.ab` must be an integer, but is \"2\"");
  expect_refused_with("/added_tokens/0/id", 2, "`added_tokens[0].id` must differ from the id of `ab`");
  expect_refused_with("/added_tokens/0/content", "ab", "`added_tokens[0].id` must be 2 as in `model.vocab`");
  expect_refused_with("/added_tokens/0/content", "",
                      "`added_tokens[0].content` must be a text of at least one");
}

TEST_F(TokenizerJson, merges_must_join_tokens_into_tokens) {
  expect_refused_with("/model/merges", {"a c"}, "those of merge 0, `a c`, are not");
  expect_refused_with("/model/merges", {"b a"}, "those of merge 0, `b a`, are not");
  expect_refused_with("/model/merges", {"a b", "a b"}, "`a b` occurs a second time as merge 1");
  expect_refused_with("/model/merges", Json::array({Json::array({"a b", "c"})}),
                      "`model.merges[0]` must be two tokens");
  expect_refused_with("/model/merges", Json::array({3}), "`model.merges[0]` must be two tokens");
  expect_refused_with("/model/merges", "a b", "`model.merges` must be an array");
  expect_refused_with("/model/merges", {"< s>"}, "are not");
}

TEST_F(TokenizerJson, broken_documents_are_refused_with_their_place) {
  const std::string whole = tiny().dump();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    expect_refused("tokenizer.json", whole.substr(0, size), "must be JSON");
  }
  expect_refused("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0, \"a\": 1}}}",
                 "each key of an object once, but has `a` twice");
  expect_refused("tokenizer.json", "{\"x\": " + std::string(1'000'000, '['), "must nest at most 16 brackets");
  expect_refused("tokenizer.json", "{}", "`model` must be an object");
  expect_refused("tokenizer.json", "{\"model\": []}", "`model` must be an object");
  expect_refused("tokenizer.json", "{\"model\": {\"vocab\": 3}, \"decoder\": {\"type\": \"ByteLevel\"}}",
                 "`model.vocab` must be an object");
}

/// 256 bytes, then pairs of bytes: as many tokens as Llama 3 has.
std::string many_ranks(std::size_t count) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto encode = [&digits](std::uint32_t bytes, int size) {
    const std::uint32_t bits = size == 1 ? bytes << 16U : size == 2 ? bytes << 8U : bytes;
    std::string text;
    for (int i = 0; i < 4; ++i) {
      text += i <= size ? digits[(bits >> static_cast<unsigned>(18 - 6 * i)) & 63U] : '=';
    }
    return text;
  };
  std::string file;
  for (std::size_t rank = 0; rank < count; ++rank) {
    const auto n = static_cast<std::uint32_t>(rank);
    const std::string token = n < 256 ? encode(n, 1) : n < 256 + 65536 ? encode(n - 256, 2) : encode(n, 3);
    file += token + " " + std::to_string(rank) + "\n";
  }
  return file;
}

TEST_F(BadFile, a_whole_tiktoken_file_is_told_from_its_content) {
  const auto path = folder_.write("tokenizer.model", many_ranks(128'000));
  const Tokenizer tokenizer = Tokenizer::load(path);
  EXPECT_EQ(tokenizer.vocab_size(), 128'256);
  EXPECT_EQ(tokenizer.special("<|eot_id|>"), 128'009);
  EXPECT_EQ(tokenizer.encode("ab"), std::vector<TokenId>{256 + 'a' * 256 + 'b'});
}

TEST_F(BadFile, tiktoken_lines_are_refused_by_number) {
  const std::string good = "IQ== 0\nIg== 1\n";
  expect_refused("tokenizer.model", good + "I?== 2\n", "A token must be in base64, but is `I?==`");
  expect_refused("tokenizer.model", good + "I?== 2\n", "tokenizer.model:3");
  expect_refused("tokenizer.model", good + "IwA 2\n", "A token must be in base64, but is `IwA`");
  expect_refused("tokenizer.model", good + " 2\n", "A token must be in base64, but is ``");
  expect_refused("tokenizer.model", good + "Iw== 1\n", "Ranks must differ, but 1 occurs a second time");
  expect_refused("tokenizer.model", good + "Iw== 128000\n",
                 "A rank must be a number below 128000, but is `128000`");
  expect_refused("tokenizer.model", good + "Iw== 99999999999999999999\n",
                 "A rank must be a number below 128000");
  expect_refused("tokenizer.model", good + "Iw== -1\n", "but is `-1`");
  expect_refused("tokenizer.model", good + "Iw==\n", "A line must be a token and its rank");
  expect_refused("tokenizer.model", good, "must have 128000 tokens to be Llama 3's, but has 2");
  expect_refused("tokenizer.model", many_ranks(128'001),
                 "A rank must be a number below 128000, but is `128000`");
}

TEST_F(BadFile, tiktoken_tokens_must_differ_and_cover_the_bytes) {
  const auto message = [this](const std::string& content, std::size_t ranks) {
    const auto path = folder_.write("tokenizer.model", content);
    return message_of<FileError>([&] { Vocabulary::from_tiktoken(path, ranks); });
  };
  EXPECT_THAT(message("IQ== 0\nIQ== 1\n", 2), HasSubstr("`!` occurs a second time with rank 1"));
  EXPECT_THAT(message("IQ== 0\nIg== 1\n", 2), HasSubstr("has none for 0x00"));
}

TEST_F(BadFile, a_truncated_tiktoken_file_is_refused_wherever_it_ends) {
  const std::string whole = content_of(small_file("tiktoken.model"));
  for (std::size_t size = 0; size + 1 < whole.size(); size += 61) {
    const auto path = folder_.write("tokenizer.model", whole.substr(0, size));
    EXPECT_THROW(Vocabulary::from_tiktoken(path, kSmallRanks), FileError) << size;
  }
}

TEST_F(BadFile, a_gguf_of_llama_2_is_refused_by_key) {
  using namespace std::string_literals;
  const auto changed = [](const std::string& after, std::size_t skip, const std::string& bytes) {
    std::string content = content_of(small_file("llama2.gguf"));
    return content.replace(content.find(after) + after.size() + skip, bytes.size(), bytes);
  };
  constexpr std::size_t kText = 4 + 8;       // type, length
  constexpr std::size_t kArray = 4 + 4 + 8;  // type, type of the items, count
  expect_refused(
      "model.gguf", changed("tokenizer.ggml.model", kText, "lamma"),
      "`tokenizer.ggml.model` must be `gpt2` (byte-level BPE) or `llama` (sentencepiece), but is `lamma`");
  expect_refused("key.gguf", changed("tokenizer.ggml.score", 0, "z"), "the key `tokenizer.ggml.scores`");
  expect_refused("nan.gguf", changed("tokenizer.ggml.scores", kArray, "\0\0\xC0\x7F"s),
                 "`tokenizer.ggml.scores` must be finite");
  expect_refused("unknown.gguf", changed("tokenizer.ggml.token_type", kArray, "\1\0\0\0"s),
                 "must be a sentencepiece model");
}

TEST_F(BadFile, a_damaged_sentencepiece_model_is_refused_or_read) {
  const std::string whole = content_of(small_file("sentencepiece.model"));
  expect_refused("tokenizer.model", whole.substr(0, whole.size() / 2), "must be a sentencepiece model");
  expect_refused("tokenizer.model", "\n\xFF\xFF\xFF\xFF\x7F", "must be a sentencepiece model");
  Random random(7, "damage");
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole;
    damaged[random.below(damaged.size() - 1) + 1] = static_cast<char>(random.below(256));
    const auto path = folder_.write("tokenizer.model", damaged);
    try {
      const Tokenizer tokenizer = Tokenizer::load(path);
      tokenizer.decode(tokenizer.encode("Sports Bra 12"));
    } catch (const UserError&) {
      continue;
    }
  }
}

TEST_F(BadFile, what_is_no_tokenizer_is_refused_with_its_beginning) {
  expect_refused("model.bin", std::string("\x80\x02}q\0", 5), "but begins `\\x80\\x02}q\\x00`");
  expect_refused("empty", "", "but begins ``");
  expect_refused("tokenizer.model", std::string((64U << 20U) + 1, 'A'), "must have at most 67108864 bytes");
  EXPECT_THROW(Vocabulary::load(folder_ / "missing"), FileError);
}

TEST_F(BadFile, a_folder_without_a_tokenizer_is_refused) {
  EXPECT_THAT(message_of<FileError>([this] { Vocabulary::load(folder_.path()); }),
              HasSubstr("must hold tokenizer.json or tokenizer.model"));
}

class ModelFolder : public BadFile {
 protected:
  void copy(const std::string& from, const std::string& to) {
    folder_.write(to, content_of(small_file(from)));
  }
};

TEST_F(ModelFolder, gives_the_specials_of_its_configuration) {
  copy("tokenizer.json", "tokenizer.json");
  folder_.write("tokenizer_config.json",
                R"({"eos_token": "<|eot_id|>", "pad_token": {"content": "<|eom_id|>"}})");
  const Vocabulary vocabulary = Vocabulary::load(folder_.path());
  EXPECT_EQ(vocabulary.eos, 609);
  EXPECT_EQ(vocabulary.pad, 608);
  folder_.write("tokenizer_config.json", R"({"eos_token": "</s>"})");
  EXPECT_THAT(message_of<FileError>([this] { Vocabulary::load(folder_.path()); }),
              HasSubstr("`eos_token` must be a token of"));
}

TEST_F(ModelFolder, gives_every_token_that_its_files_say_ends_an_answer) {
  copy("tokenizer.json", "tokenizer.json");
  folder_.write("tokenizer_config.json", R"({"eos_token": "<|eot_id|>"})");
  EXPECT_EQ(Vocabulary::load(folder_.path()).ends, (std::vector<TokenId>{609}));
  folder_.write("generation_config.json", R"({"eos_token_id": [601, 608, 609]})");
  folder_.write("config.json", R"({"eos_token_id": 602})");
  EXPECT_EQ(Vocabulary::load(folder_.path()).ends, (std::vector<TokenId>{609, 601, 608, 602}));
  folder_.write("generation_config.json", R"({"eos_token_id": "x"})");
  EXPECT_THAT(message_of<FileError>([this] { Vocabulary::load(folder_.path()); }),
              AllOf(HasSubstr("`eos_token_id` must be an integer"), HasSubstr("generation_config.json")));
}

TEST_F(ModelFolder, may_have_more_rows_than_tokens_but_not_fewer) {
  copy("tokenizer.json", "tokenizer.json");
  const auto count = static_cast<TokenId>(Vocabulary::load(folder_.path()).tokens.size());
  folder_.write("config.json", R"({"vocab_size": )" + std::to_string(count + 30) + "}");
  const Tokenizer tokenizer = Tokenizer::load(folder_.path());
  EXPECT_EQ(tokenizer.vocab_size(), count);
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{count + 29}), "");
  EXPECT_THROW(tokenizer.decode(std::vector<TokenId>{count + 30}), DataError);
  folder_.write("config.json", R"({"vocab_size": )" + std::to_string(count - 1) + "}");
  EXPECT_THAT(message_of<FileError>([this] { Vocabulary::load(folder_.path()); }),
              AllOf(HasSubstr("the model's vocabulary (`vocab_size`"), HasSubstr("tokenizer.json")));
}

TEST_F(ModelFolder, reads_the_sentencepiece_model_beside_its_tokenizer_json) {
  copy("sentencepiece.model", "tokenizer.model");
  folder_.write("tokenizer.json",
                R"({"decoder": {"type": "Sequence"}, "added_tokens": [{"id": 1, "content": "<s>"}]})");
  EXPECT_NE(Vocabulary::load(folder_.path()).sentencepiece, nullptr);
  folder_.write("tokenizer.json", R"({"added_tokens": [{"id": 600, "content": "<|im_start|>"}]})");
  EXPECT_THAT(message_of<FileError>([this] { Vocabulary::load(folder_.path()); }),
              HasSubstr("`added_tokens[0]` must be a piece of"));
}

TEST_F(ModelFolder, reads_a_byte_level_tokenizer_json_before_the_model_beside_it) {
  copy("tokenizer.json", "tokenizer.json");
  copy("sentencepiece.model", "tokenizer.model");
  EXPECT_EQ(Vocabulary::load(folder_.path()).sentencepiece, nullptr);
}

}  // namespace
}  // namespace routedk::text

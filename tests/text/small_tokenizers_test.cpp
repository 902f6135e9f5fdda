#include "routedk/core/error.h"
#include "routedk/text/tokenizer.h"

#include <fstream>

#include "core/temporary_folder.h"
#include "text/model.h"
#include "text/random_text.h"
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

TEST(SmallTokenizers, tokenizer_json_equals_tokenizers_and_tiktoken) {
  expect_ids(Tokenizer::load(small_file("tokenizer.json")), small_golden()["cases"]);
}

TEST(SmallTokenizers, a_tiktoken_file_equals_tokenizers_and_tiktoken) {
  expect_ids(Tokenizer(Vocabulary::from_tiktoken(small_file("tiktoken.model"), kSmallRanks)),
             small_golden()["cases"]);
}

TEST(SmallTokenizers, tokenizer_json_and_tiktoken_name_the_same_tokens) {
  const Vocabulary json = Vocabulary::load(small_file("tokenizer.json"));
  const Vocabulary tiktoken = Vocabulary::from_tiktoken(small_file("tiktoken.model"), kSmallRanks);
  EXPECT_EQ(json.tokens, tiktoken.tokens);
  EXPECT_EQ(json.types, tiktoken.types);
  EXPECT_EQ(json.patterns, tiktoken.patterns);
}

TEST(SmallTokenizers, sentencepiece_equals_the_library_of_python) {
  const Tokenizer tokenizer = Tokenizer::load(small_file("sentencepiece.model"));
  ASSERT_GT(small_golden()["sentencepiece"].size(), 40U);
  for (const io::Json& entry : small_golden()["sentencepiece"]) {
    EXPECT_EQ(tokenizer.encode(entry["text"].get<std::string>()), ids_of(entry, "ids"))
        << entry["text"].dump();
    EXPECT_EQ(tokenizer.decode(ids_of(entry, "ids")), entry["decoded"].get<std::string>())
        << entry["text"].dump();
  }
}

TEST(SmallTokenizers, sentencepiece_gives_specials_only_when_asked) {
  const Tokenizer tokenizer = Tokenizer::load(small_file("sentencepiece.model"));
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_EQ(tokenizer.pad(), kNoToken);
  EXPECT_EQ(tokenizer.special("</s>"), 2);
  EXPECT_EQ(tokenizer.encode_with_special("</s>"), std::vector<TokenId>{2});
  const std::vector<TokenId> plain = tokenizer.encode("</s>");
  EXPECT_EQ(std::count(plain.begin(), plain.end(), 2), 0);
  EXPECT_EQ(tokenizer.decode(plain), "</s>");
}

TEST(SmallTokenizers, a_gguf_of_llama_2_equals_llama_cpp) {
  const Tokenizer tokenizer = Tokenizer::load(small_file("llama2.gguf"));
  const io::Json golden = io::read_json(small_file("llama2_ids.json"));
  expect_ids(tokenizer, golden["cases"]);
  for (const io::Json& entry : golden["cases"]) {
    EXPECT_EQ(tokenizer.decode(ids_of(entry, "plain")), entry["decoded"].get<std::string>())
        << entry["text"].dump();
  }
}

/// SmolLM2's vocabulary as its folder has it, with merges as texts or as pairs.
io::Json smollm2_json(bool pairs) {
  const Vocabulary vocabulary = Vocabulary::from_gguf(smollm2());
  nlohmann::json vocab = nlohmann::json::object();  // sorted: ordered ones search from the front
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    vocab[vocabulary.tokens[id]] = id;
  }
  io::Json merges = io::Json::array();
  for (const std::string& merge : vocabulary.merges) {
    const std::size_t space = merge.find(' ');
    merges.push_back(pairs ? io::Json{merge.substr(0, space), merge.substr(space + 1)} : io::Json(merge));
  }
  nlohmann::json model = {{"type", "BPE"}, {"merges", merges}};
  model["vocab"] = vocab;
  const io::Json digits = {{"type", "Digits"}, {"individual_digits", true}};
  const io::Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  nlohmann::json file = {{"decoder", {{"type", "ByteLevel"}}}, {"added_tokens", nlohmann::json::array()}};
  file["model"] = model;
  file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", io::Json::array({digits, bytes})}};
  return file;
}

TEST(SmallTokenizers, a_vocabulary_without_all_bytes_equals_tokenizers) {
  const routedk::testing::TemporaryFolder folder;
  for (const bool pairs : {false, true}) {
    const auto path = folder.write("tokenizer.json", smollm2_json(pairs).dump());
    const Tokenizer tokenizer = Tokenizer::load(path);
    ASSERT_GT(small_golden()["smollm2"].size(), 40U);
    for (const io::Json& entry : small_golden()["smollm2"]) {
      EXPECT_EQ(tokenizer.encode(entry["text"].get<std::string>()), ids_of(entry, "ids"))
          << entry["text"].dump();
    }
  }
}

TEST(SmallTokenizers, decoding_gives_any_text_back_where_every_byte_has_a_token) {
  const std::vector<Tokenizer> tokenizers = {
      Tokenizer::load(small_file("tokenizer.json")), Tokenizer::load(small_file("sentencepiece.model")),
      Tokenizer::load(small_file("llama2.gguf")),
      Tokenizer(Vocabulary::from_tiktoken(small_file("tiktoken.model"), kSmallRanks))};
  Random random(5, "round trip");
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random);
    for (const Tokenizer& tokenizer : tokenizers) {
      ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    }
  }
}

}  // namespace
}  // namespace routedk::text

#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/io/csv.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>

#include "core/temporary_folder.h"
#include "text/model.h"
#include "text/random_text.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

namespace fs = std::filesystem;

/// Metaspace, unlike sentencepiece, puts no blank before a text that begins with one.
bool begins_with_blank(const std::string& text) {
  return text.starts_with(' ') || text.starts_with("\u2581");
}
constexpr std::size_t kMetaspace = 2;

/// Every form in which people have the tokenizer.
std::vector<fs::path> forms(const fs::path& folder) {
  return {folder / "tokenizer.model", folder / "tokenizer.json", folder / "metaspace/tokenizer.json",
          folder / "ggml-vocab-llama-spm.gguf", folder};
}

TEST_F(Llama2, every_form_equals_sentencepiece_and_tokenizers) {
  ASSERT_GT(llama2_golden()["cases"].size(), 40U);
  for (const fs::path& form : forms(folder_)) {
    const Tokenizer tokenizer = Tokenizer::load(form);
    const bool first = form == folder_ / "metaspace/tokenizer.json";  // a blank before the first text alone
    for (const io::Json& entry : llama2_golden()["cases"]) {
      const auto text = entry["text"].get<std::string>();
      if (!first || !begins_with_blank(text)) {
        EXPECT_EQ(tokenizer.encode(text), ids_of(entry, "plain")) << form << entry["text"].dump();
      }
      EXPECT_EQ(tokenizer.encode_with_special(text), ids_of(entry, first ? "first" : "special"))
          << form << entry["text"].dump();
      EXPECT_EQ(tokenizer.decode(ids_of(entry, "plain")), entry["decoded"].get<std::string>()) << form;
    }
    EXPECT_EQ(tokenizer.bos() == kNoToken ? 1 : tokenizer.bos(), 1) << form;
  }
}

TEST_F(Llama2, every_form_equals_llama_cpp) {
  const std::string name = "ggml-vocab-llama-spm.gguf";
  const std::string inputs = read_file(folder_ / (name + ".inp"));
  std::istringstream outputs(read_file(folder_ / (name + ".out")));
  const std::string mark = "\n__ggml_vocab_test__\n";
  int count = 0;
  std::vector<Tokenizer> tokenizers;
  for (const fs::path& form : forms(folder_)) {
    tokenizers.push_back(Tokenizer::load(form));
  }
  for (std::size_t at = 0, end = inputs.find(mark); end != std::string::npos;
       at = end + mark.size(), end = inputs.find(mark, at)) {
    std::string line;
    ASSERT_TRUE(std::getline(outputs, line));
    std::istringstream numbers(line);
    const std::vector<TokenId> wanted{std::istream_iterator<TokenId>(numbers), {}};
    const std::string text = inputs.substr(at, end - at);
    for (std::size_t i = 0; i < tokenizers.size(); ++i) {
      if (i != kMetaspace || !begins_with_blank(text)) {
        EXPECT_EQ(tokenizers[i].encode(text), wanted) << text;
      }
    }
    ++count;
  }
  EXPECT_GT(count, 30);
}

TEST_F(Llama2, every_form_equals_the_libraries_on_every_title_and_intent) {
  const char* data = std::getenv("ROUTEDK_DATA_DIR");
  if (data == nullptr) {
    GTEST_SKIP() << "ROUTEDK_DATA_DIR must name the public data set";
  }
  ASSERT_EQ(llama2_golden()["files"].size(), 7U);
  for (const fs::path& form : forms(folder_)) {
    const Tokenizer tokenizer = Tokenizer::load(form);
    const bool metaspace = form == folder_ / "metaspace/tokenizer.json";
    for (const auto& file : llama2_golden()["files"].items()) {
      const io::Json& wanted = metaspace ? file.value()["metaspace"] : file.value();
      std::string bytes;
      io::read_csv(fs::path(data) / file.key(), 2, [&](const io::CsvRow& row) {
        const std::vector<TokenId> ids = tokenizer.encode(row.fields[1]);
        bytes.append(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenId));
      });
      EXPECT_EQ(bytes.size() / sizeof(TokenId), wanted["count"].get<std::size_t>()) << form << file.key();
      EXPECT_EQ(fmt::format("{:016x}", hash64(bytes)), wanted["fnv1a"].get<std::string>())
          << form << file.key();
    }
  }
}

TEST_F(Llama2, decoding_gives_any_text_back) {
  const Tokenizer tokenizer = Tokenizer::load(folder_ / "tokenizer.json");
  Random random(7, "llama 2");
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST_F(Llama2, chats_equal_transformers_with_and_without_legacy) {
  for (const bool legacy : {false, true}) {
    const routedk::testing::TemporaryFolder copy;
    fs::copy(folder_ / "tokenizer.json", copy.path() / "tokenizer.json");
    copy.write("tokenizer_config.json", io::Json{{"tokenizer_class", "LlamaTokenizer"},
                                                 {"legacy", legacy},
                                                 {"bos_token", "<s>"},
                                                 {"eos_token", "</s>"}}
                                            .dump());
    const Tokenizer tokenizer = Tokenizer::load(copy.path());
    int count = 0;
    for (const io::Json& entry : llama2_golden()["chats"]) {
      const std::vector<ChatMessage> messages = messages_of(entry);
      const bool late_system =
          std::any_of(messages.begin() + 1, messages.end(),
                      [](const ChatMessage& message) { return message.role == "system"; });
      const bool dropped = late_system && entry["form"] == "llama2";  // by the template, while we refuse it
      if (entry["legacy"].get<bool>() == legacy && !dropped) {
        const ChatTemplate chat = ChatTemplate::named(entry["form"].get<std::string>());
        EXPECT_EQ(chat.encode(tokenizer, messages, entry["generate"].get<bool>()), ids_of(entry, "ids"))
            << entry.dump();
        ++count;
      }
    }
    EXPECT_GT(count, 10);
  }
}

TEST_F(Llama2, a_text_inside_another_gets_no_blank) {
  for (const fs::path& form : forms(folder_)) {
    const Tokenizer tokenizer = Tokenizer::load(form);
    for (const std::string text : {"a", "{\"bundle1\"", "10", "\n", "\xE2\x98\x83"}) {
      EXPECT_EQ(tokenizer.encode(text), tokenizer.encode(" " + text, Place::kInside)) << form << text;
      EXPECT_NE(tokenizer.encode(text), tokenizer.encode(text, Place::kInside)) << form << text;
    }
  }
}

}  // namespace
}  // namespace routedk::text

#include "routedk/core/error.h"
#include "routedk/core/random.h"
#include "routedk/io/csv.h"

#include <cstdlib>

#include "text/model.h"
#include "text/random_text.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace routedk::text {
namespace {

/// As a GGUF file of the model has it.
Tokenizer as_gguf(const std::filesystem::path& folder) {
  Vocabulary vocabulary = Vocabulary::load(folder / "tokenizer.json");
  vocabulary.patterns.clear();
  vocabulary.pre = "llama-bpe";
  vocabulary.dialect = Dialect::kLlamaCpp;
  return Tokenizer(std::move(vocabulary));
}

TEST_F(Llama3, tokenizer_json_tiktoken_and_gguf_equal_the_references) {
  expect_ids(Tokenizer::load(folder_ / "tokenizer.json"), llama3_golden()["cases"]);
  expect_ids(Tokenizer::load(folder_ / "tokenizer.model"), llama3_golden()["cases"]);
  const Tokenizer gguf = as_gguf(folder_);
  for (const io::Json& entry : llama3_golden()["cases"]) {
    // llama.cpp knows contractions in ASCII letters only.
    if (const auto text = entry["text"].get<std::string>(); text.find("\xC5\xBF") == std::string::npos) {
      EXPECT_EQ(gguf.encode(text), ids_of(entry, "plain")) << entry["text"].dump();
    }
  }
}

TEST_F(Llama3, specials_are_those_of_the_model) {
  const Tokenizer folder = Tokenizer::load(folder_);
  EXPECT_EQ(folder.vocab_size(), 128256);
  EXPECT_EQ(folder.bos(), 128000);
  EXPECT_EQ(folder.eos(), 128009);  // tokenizer_config.json
  EXPECT_EQ(folder.pad(), kNoToken);
  const Tokenizer tiktoken = Tokenizer::load(folder_ / "tokenizer.model");
  EXPECT_EQ(tiktoken.special("<|python_tag|>"), 128010);
  EXPECT_EQ(tiktoken.special("<|reserved_special_token_2|>"), 128005);
  EXPECT_EQ(tiktoken.special("<|reserved_special_token_247|>"), 128255);
}

TEST_F(Llama3, decoding_gives_any_text_back) {
  const Tokenizer tokenizer = Tokenizer::load(folder_ / "tokenizer.model");
  Random random(6, "llama 3");
  for (int round = 0; round < 2000; ++round) {
    const std::string text = random_text(random);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST_F(Llama3, all_forms_equal_tiktoken_on_every_title_and_intent) {
  const char* data = std::getenv("ROUTEDK_DATA_DIR");
  if (data == nullptr) {
    GTEST_SKIP() << "ROUTEDK_DATA_DIR must name the public data set";
  }
  const std::vector<Tokenizer> forms = {Tokenizer::load(folder_ / "tokenizer.json"),
                                        Tokenizer::load(folder_ / "tokenizer.model"), as_gguf(folder_)};
  ASSERT_EQ(llama3_golden()["files"].size(), 7U);
  for (const Tokenizer& tokenizer : forms) {
    for (const auto& file : llama3_golden()["files"].items()) {
      std::string bytes;
      io::read_csv(std::filesystem::path(data) / file.key(), 2, [&](const io::CsvRow& row) {
        const std::vector<TokenId> ids = tokenizer.encode(row.fields[1]);
        bytes.append(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenId));
      });
      EXPECT_EQ(bytes.size() / sizeof(TokenId), file.value()["count"].get<std::size_t>()) << file.key();
      EXPECT_EQ(fmt::format("{:016x}", hash64(bytes)), file.value()["fnv1a"].get<std::string>())
          << file.key();
    }
  }
}

}  // namespace
}  // namespace routedk::text

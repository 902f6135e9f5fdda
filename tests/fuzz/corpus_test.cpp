/// Replays the corpora, seeds and found cases alike, without a fuzzer.
#include "routedk/core/error.h"

#include <filesystem>
#include <map>
#include <set>

#include "targets.h"
#include <gtest/gtest.h>

namespace routedk::fuzz {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = fs::path(ROUTEDK_SOURCE_DIR) / "tests/fuzz/corpus";

using Target = void (*)(const fs::path&);
const std::map<std::string, Target> kTargets = {{"adapter_config", adapter_config},
                                                {"csv", csv},
                                                {"gguf", gguf},
                                                {"product_metadata", product_metadata},
                                                {"safetensors", safetensors},
                                                {"tiktoken", tiktoken},
                                                {"tokenizer_json", tokenizer_json}};

class Corpus : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Files, Corpus,
                         ::testing::Values("adapter_config", "csv", "gguf", "product_metadata", "safetensors",
                                           "tiktoken", "tokenizer_json"),
                         [](const auto& target) { return target.param; });

TEST_P(Corpus, every_file_is_read_or_refused_and_both_happen) {
  int read = 0;
  int refused = 0;
  for (const auto& entry : fs::directory_iterator(kCorpus / GetParam())) {
    try {
      kTargets.at(GetParam())(entry.path());
      ++read;
    } catch (const UserError&) {
      ++refused;
    } catch (const std::exception& error) {
      ADD_FAILURE() << entry.path() << " must be read or refused, but ends in: " << error.what();
    }
  }
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace routedk::fuzz

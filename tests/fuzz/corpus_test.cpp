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
                                                {"answers", answers},
                                                {"chat_reply", chat_reply},
                                                {"chat_template", chat_template},
                                                {"checkpoint", checkpoint},
                                                {"csv", csv},
                                                {"gguf", gguf},
                                                {"json_lines", json_lines},
                                                {"knowledge", knowledge},
                                                {"model_config", model_config},
                                                {"predictions", predictions},
                                                {"product_metadata", product_metadata},
                                                {"router", router},
                                                {"safetensors", safetensors},
                                                {"sentencepiece", sentencepiece},
                                                {"settings", settings},
                                                {"shards", shards},
                                                {"tiktoken", tiktoken},
                                                {"titles", titles},
                                                {"tokenizer_json", tokenizer_json},
                                                {"verifier", verifier}};

class Corpus : public ::testing::TestWithParam<std::pair<const std::string, Target>> {};
INSTANTIATE_TEST_SUITE_P(Files, Corpus, ::testing::ValuesIn(kTargets),
                         [](const auto& target) { return target.param.first; });

TEST_P(Corpus, every_file_is_read_or_refused_and_both_happen) {
  int read = 0;
  int refused = 0;
  for (const auto& entry : fs::directory_iterator(kCorpus / GetParam().first)) {
    try {
      GetParam().second(entry.path());
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

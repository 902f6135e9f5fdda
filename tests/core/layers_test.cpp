// Holds the #include lines of every file to the table of ARCHITECTURE.md.
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What each layer stands on directly.
const std::map<std::string, std::vector<std::string>> kStandsOn = {
    {"core", {}},
    {"io", {"core"}},
    {"text", {"io"}},
    {"bundle", {"text"}},
    {"quant", {"io"}},
    {"model", {"quant"}},
    {"experts", {"model"}},
    {"train", {"experts", "text"}},
    {"decode", {"experts", "text"}},
    {"distill", {"decode", "bundle"}},
    {"eval", {"decode", "train", "bundle"}},
    {"workflow", {"distill", "eval"}},
};
const std::set<std::string> kWithoutTorch = {"core", "io", "text", "bundle"};

std::set<std::string> reachable(const std::string& layer) {
  std::set<std::string> all = {layer};
  for (const std::string& below : kStandsOn.at(layer)) {
    all.merge(reachable(below));
  }
  return all;
}

// The forbidden includes of a file of that layer.
std::vector<std::string> violations(const std::string& layer, const std::string& code) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*["<]((routedk/)?([A-Za-z0-9_]+)/[^">]*)[">])");
  const std::set<std::string> allowed = reachable(layer);
  std::vector<std::string> found;
  std::istringstream lines(code);
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_search(line, match, kInclude)) {
      continue;
    }
    const std::string folder = match[3];
    const bool torch = folder == "torch" || folder == "ATen" || folder == "c10";
    const bool foreign_layer = match[2].matched && !allowed.contains(folder);
    if (foreign_layer || (torch && kWithoutTorch.contains(layer))) {
      found.push_back(match[1]);
    }
  }
  return found;
}

// "file: include" for every forbidden include below `root`/`layer`.
std::vector<std::string> violations_below(const fs::path& root, const std::string& layer, int& files) {
  std::vector<std::string> found;
  if (!fs::exists(root / layer)) {
    return found;
  }
  for (const auto& entry : fs::recursive_directory_iterator(root / layer)) {
    if (entry.is_regular_file()) {
      ++files;
      for (const std::string& include : violations(layer, testing::content_of(entry.path()))) {
        found.push_back(entry.path().string() + ": " + include);
      }
    }
  }
  return found;
}

TEST(Layers, every_file_includes_only_what_its_layer_stands_on) {
  const fs::path source = ROUTEDK_SOURCE_DIR;
  for (const char* root : {"include/routedk", "src", "tests"}) {
    int files = 0;
    for (const auto& [layer, below] : kStandsOn) {
      EXPECT_THAT(violations_below(source / root, layer, files), IsEmpty());
    }
    EXPECT_GT(files, 0) << root;
  }
}

TEST(Layers, every_folder_of_code_is_a_layer_of_the_table) {
  const fs::path source = ROUTEDK_SOURCE_DIR;
  for (const char* root : {"include/routedk", "src"}) {
    for (const auto& entry : fs::directory_iterator(source / root)) {
      EXPECT_TRUE(kStandsOn.contains(entry.path().filename().string())) << entry.path();
    }
  }
}

TEST(Layers, a_planted_violation_is_found) {
  EXPECT_THAT(violations("core", "#include \"routedk/io/csv.h\"\n"), ElementsAre("routedk/io/csv.h"));
  EXPECT_THAT(violations("quant", "#include <vector>\n  # include <routedk/text/tokenizer.h>\n"),
              ElementsAre("routedk/text/tokenizer.h"));
  EXPECT_THAT(violations("train", "#include \"routedk/bundle/session.h\"\n"),
              ElementsAre("routedk/bundle/session.h"));
  EXPECT_THAT(
      violations("text", "#include <ATen/ATen.h>\n#include <torch/types.h>\n#include <c10/util/Half.h>\n"),
      ElementsAre("ATen/ATen.h", "torch/types.h", "c10/util/Half.h"));
}

TEST(Layers, layers_are_reached_through_others) {
  EXPECT_THAT(violations("workflow", "#include \"routedk/core/error.h\"\n#include \"routedk/quant/nf4.h\"\n"),
              IsEmpty());
  EXPECT_THAT(violations("quant", "#include <torch/types.h>\n#include \"routedk/quant/nf4.h\"\n"), IsEmpty());
}

TEST(Layers, a_planted_file_is_found_on_disk) {
  const testing::TemporaryFolder folder;
  fs::create_directory(folder / "core");
  folder.write("core/bad.h", "#include \"routedk/io/csv.h\"\n");
  int files = 0;
  EXPECT_THAT(violations_below(folder.path(), "core", files),
              ElementsAre((folder / "core/bad.h").string() + ": routedk/io/csv.h"));
  EXPECT_EQ(files, 1);
}

}  // namespace
}  // namespace routedk

#include "routedk/workflow/experiment/study.h"

#include "routedk/core/error.h"
#include "routedk/workflow/steps/compare_step.h"

#include <algorithm>
#include <set>
#include <string>

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace routedk::workflow {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StudyFiles : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& yaml) {
    return folder_.write(name, yaml).string();
  }
  std::string refused(const std::string& yaml, const std::vector<std::string>& assignments = {}) {
    const std::string file = write("bad.yaml", yaml);
    return testing::message_of<ConfigError>([&] { read_studies({file}, assignments); });
  }

  testing::TemporaryFolder folder_;
};

std::vector<std::string> names_of(const Study& study) {
  std::vector<std::string> names;
  for (const Point& point : study.points) {
    names.push_back(point.name);
  }
  return names;
}

TEST_F(StudyFiles, a_file_without_a_study_is_one_experiment_in_its_run_folder) {
  const Study study = read_study(write("one.yaml", "run: {dir: runs/mine}\n"), {"lora.rank=3"});
  EXPECT_TRUE(study.alone);
  ASSERT_EQ(study.points.size(), 1U);
  EXPECT_EQ(study.points[0].config.run.dir, "runs/mine");
  EXPECT_EQ(study.points[0].config.lora.rank, 3);
}

TEST_F(StudyFiles, variants_domains_and_seeds_span_the_points_and_assignments_win) {
  const std::string file = write("experts.yaml", R"(
study:
  question: How many?
  variants:
    K1: {experts: [merged], eval: {systems: [merged]}, lora: {rank: 48}}
    K3: {}
  domains: [electronic, food]
  seeds: [1, 2]
  compare: [{a: K3/dynamic, b: K1/merged}]
lora: {rank: 16}
)");
  const Study study = read_study(file, {"lora.alpha=7", "study.seeds=[4, 5]"});
  EXPECT_FALSE(study.alone);
  EXPECT_EQ(study.name, "experts");
  EXPECT_THAT(names_of(study), ElementsAre("K1-electronic-4", "K1-electronic-5", "K1-food-4", "K1-food-5",
                                           "K3-electronic-4", "K3-electronic-5", "K3-food-4", "K3-food-5"));
  const ExperimentConfig& point = study.points[3].config;
  EXPECT_EQ(point.data.domain, "food");
  EXPECT_EQ(point.train.seed, 5U);
  EXPECT_EQ(point.router.seed, 5U);
  EXPECT_EQ(point.decode.seed, 5U);
  EXPECT_EQ(point.lora.rank, 48);
  EXPECT_EQ(point.lora.alpha, 7.0);
  EXPECT_THAT(point.experts, ElementsAre("merged"));
  EXPECT_EQ(study.points[4].config.lora.rank, 16);
  EXPECT_EQ(point.run.dir, "runs/experts/K1-food-5");
  EXPECT_EQ(point.run.store, "runs/store");
  EXPECT_EQ(read_study(file, {"lora.rank=4"}).points[0].config.lora.rank, 4);
}

TEST_F(StudyFiles, the_size_chooses_settings_and_names_the_folder) {
  const std::string file = write("traps.yaml", R"(
study: {seeds: [1]}
size: small
sizes:
  small: {split: {train_limit: 60}}
  full: {study: {seeds: [1, 2, 3]}}
)");
  const Study small = read_study(file, {});
  EXPECT_EQ(small.points.size(), 1U);
  EXPECT_EQ(small.points[0].config.split.train_limit, 60);
  EXPECT_EQ(small.folder, "runs/traps-small");
  const Study full = read_study(file, {"size=full"});
  EXPECT_EQ(full.points.size(), 3U);
  EXPECT_EQ(full.points[0].config.split.train_limit, 0);
  EXPECT_EQ(read_study(file, {"study.seeds=[4, 5]", "size=full"}).points.size(), 2U);
  EXPECT_THAT(refused("size: huge\nsizes: {small: {}, full: {}}\n"), HasSubstr("small, full"));
  EXPECT_THAT(refused("size: small\n"), HasSubstr("`size`"));
}

TEST_F(StudyFiles, a_list_of_studies_is_read_from_its_own_folder_and_folders_must_differ) {
  write("a.yaml", "study: {}\n");
  write("b.yaml", "study: {}\n");
  const std::string all = write("all.yaml", "studies: [a.yaml, b.yaml]\n");
  EXPECT_EQ(read_studies({all}, {}).size(), 2U);
  EXPECT_THAT(testing::message_of<ConfigError>([&] {
                read_studies({all, all}, {});
              }),
              HasSubstr("two share runs/a"));
  EXPECT_THAT(refused("studies: [a.yaml]\nlora: {rank: 2}\n"), HasSubstr("nothing else"));
}

TEST_F(StudyFiles, all_problems_of_all_points_come_at_once_and_common_ones_once) {
  const std::string message = refused(R"(
study:
  variants:
    A: {experts: [nobody]}
    B: {lora: {rank: 0}}
  domains: [electronic, food]
)");
  EXPECT_THAT(message, HasSubstr("`nobody`"));
  EXPECT_THAT(message, HasSubstr("`lora.rank`"));
  EXPECT_THAT(message, HasSubstr("[A-electronic]"));
  EXPECT_EQ(message.find("[A-food]"), std::string::npos) << message;
  EXPECT_THAT(refused("study: {variants: {a/b: {}}}\n"), HasSubstr("`a/b`"));
  EXPECT_THAT(refused("study: {quest: x}\n"), HasSubstr("quest"));
  EXPECT_THAT(refused("study: {variants: [A]}\n"), HasSubstr("a section"));
}

TEST_F(StudyFiles, a_comparison_of_what_there_will_not_be_is_refused_before_anything_runs) {
  const std::string file = write("wrong.yaml", R"(
study:
  variants:
    K1: {experts: [merged], eval: {systems: [merged]}}
    K3: {eval: {samples: [1, 4], select: [vote, mbr]}}
  compare: [{a: K3/dynamic mbr n=1, b: similar_pairs}, {a: K1/merged, b: K3/base}, {a: K1/base, b: K3/dynamics}]
)");
  const std::string message =
      testing::message_of<ConfigError>([&] { check_comparisons(read_study(file, {})); });
  EXPECT_THAT(message, HasSubstr("has `K1/base`"));
  EXPECT_THAT(message, HasSubstr("has `K3/dynamics`"));
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1) << message;
}

std::size_t domains_of(const Study& study) {
  std::set<std::string> domains;
  for (const Point& point : study.points) {
    domains.insert(point.config.data.domain);
  }
  return domains.size();
}

TEST(ShippedExperiments, can_be_read_in_both_sizes_and_compare_what_they_have) {
  const std::filesystem::path folder = std::filesystem::path(ROUTEDK_SOURCE_DIR) / "configs/experiments";
  std::size_t studies = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    for (const Study& study : read_studies({entry.path().string()}, {})) {
      check_comparisons(study);
      studies += study.alone ? 0 : 1;
      if (study.name.ends_with("-small") && entry.path().filename() != "paper.yaml") {
        const Study full = read_study(entry.path().string(), {"size=full"});
        check_comparisons(full);
        EXPECT_EQ(full.points.size() * domains_of(study), 9 * study.points.size()) << study.name;
      }
    }
  }
  EXPECT_GE(studies, 16U);
}

TEST(Holm, corrects_step_by_step_and_never_below_an_earlier_one) {
  // By hand: sorted .01, .02, .03, .04 times 4, 3, 2, 1, then the running maximum.
  const auto corrected = holm({0.04, 0.01, 0.03, 0.02});
  ASSERT_EQ(corrected.size(), 4U);
  EXPECT_DOUBLE_EQ(corrected[1], 0.04);
  EXPECT_DOUBLE_EQ(corrected[3], 0.06);
  EXPECT_DOUBLE_EQ(corrected[2], 0.06);
  EXPECT_DOUBLE_EQ(corrected[0], 0.06);
  EXPECT_DOUBLE_EQ(holm({0.9, 0.8})[0], 1.0);
  EXPECT_TRUE(holm({}).empty());
}

}  // namespace
}  // namespace routedk::workflow

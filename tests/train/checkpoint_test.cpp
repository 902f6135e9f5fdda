#include "routedk/train/checkpoint.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/random.h"
#include "routedk/train/fingerprint.h"

#include <algorithm>
#include <csignal>

#include "core/temporary_folder.h"
#include "support/expect_close.h"
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace routedk::train {
namespace {

using testing::expect_equal;

namespace fs = std::filesystem;

Checkpoint made(std::int64_t step) {
  GroupState state;
  state.progress = {step, 3, 1, 1.0 / 3.0, 0.1 + 0.2, 2, 4, 300, 40, 5.5, 6};
  state.values = at::arange(5, at::kFloat) / 3;
  state.moments = {at::arange(5, at::kFloat) / 7, at::arange(5, at::kFloat) / 11};
  state.best_values = at::arange(5, at::kFloat) / 13;
  state.average = at::arange(5, at::kFloat) / 17;
  return {step, {{"config", {{"epochs", 3}}}}, machine_fingerprint(at::kCPU), {{"base", state}}};
}

const std::map<std::string, std::int64_t> kSizes{{"base", 5}};

TEST(Checkpoint, reads_back_bit_for_bit) {
  const testing::TemporaryFolder folder;
  const Checkpoint saved = made(40);
  save_checkpoint(folder.path(), saved, 2);
  EXPECT_EQ(newest_checkpoint(folder.path()), folder / "step-000040");
  const Checkpoint read = read_checkpoint(folder / "step-000040", kSizes);
  EXPECT_EQ(read.step, 40);
  EXPECT_EQ(read.fingerprint, saved.fingerprint);
  EXPECT_EQ(read.machine, saved.machine);
  const GroupState& found = read.groups.at("base");
  const GroupState& expected = saved.groups.at("base");
  expect_equal(found.values, expected.values);
  expect_equal(found.moments.first, expected.moments.first);
  expect_equal(found.moments.second, expected.moments.second);
  expect_equal(found.best_values, expected.best_values);
  expect_equal(found.average, expected.average);
  EXPECT_EQ(found.progress.step, 40);
  EXPECT_EQ(found.progress.bad_steps, 3);
  EXPECT_EQ(found.progress.bad_steps_in_a_row, 1);
  EXPECT_EQ(found.progress.stale_validations, 4);
  EXPECT_EQ(found.progress.last_loss, 1.0 / 3.0);
  EXPECT_EQ(found.progress.best_validation_loss, 0.1 + 0.2);
  EXPECT_EQ(found.progress.best_step, 2);
  EXPECT_EQ(found.progress.tokens, 300);
  EXPECT_EQ(found.progress.answer_tokens, 40);
  EXPECT_EQ(found.progress.seconds, 5.5);
  EXPECT_EQ(found.progress.skipped_steps, 6);
}

TEST(Checkpoint, only_the_newest_stay) {
  const testing::TemporaryFolder folder;
  for (const std::int64_t step : {999999, 20, 1000000}) {
    save_checkpoint(folder.path(), made(step), 2);
  }
  EXPECT_EQ(testing::entries_of(folder.path()), 2);
  EXPECT_EQ(newest_checkpoint(folder.path()), folder / "step-1000000");
  EXPECT_TRUE(fs::exists(folder / "step-999999"));
}

TEST(Checkpoint, a_folder_under_a_temporary_name_is_never_taken) {
  const testing::TemporaryFolder folder;
  save_checkpoint(folder.path(), made(20), 2);
  fs::copy(folder / "step-000020", temporary_name(folder / "step-000040"));
  EXPECT_EQ(newest_checkpoint(folder.path()), folder / "step-000020");
  remove_unfinished(folder.path());
  EXPECT_EQ(testing::entries_of(folder.path()), 1);
}

TEST(Checkpoint, there_is_none_in_a_missing_folder) {
  const testing::TemporaryFolder folder;
  EXPECT_EQ(newest_checkpoint(folder / "missing"), std::nullopt);
}

TEST(Checkpoint, a_damaged_one_is_a_file_error) {
  const testing::TemporaryFolder folder;
  const fs::path path = folder / "step-000020";
  const fs::path tensors = path / "tensors.safetensors";
  save_checkpoint(folder.path(), made(20), 2);
  EXPECT_THROW(read_checkpoint(path, {{"base", 6}}), FileError);
  EXPECT_THROW(read_checkpoint(path, {{"other", 5}}), FileError);
  fs::resize_file(tensors, fs::file_size(tensors) - 1);
  EXPECT_THROW(read_checkpoint(path, kSizes), FileError);
  fs::remove(tensors);
  EXPECT_THROW(read_checkpoint(path, kSizes), FileError);
  static_cast<void>(folder.write("step-000020/state.json", R"({"step": "20"})"));
  EXPECT_THROW(read_checkpoint_state(path), FileError);
  fs::remove(path / "state.json");
  EXPECT_THROW(read_checkpoint_state(path), FileError);
}

TEST(Checkpoint, a_full_disk_leaves_the_older_one_valid_and_nothing_else) {
  const testing::TemporaryFolder folder;
  save_checkpoint(folder.path(), made(20), 2);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{64, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);  // a file may have 64 bytes: the write fails as on a full disk
  const std::string message =
      testing::message_of<SystemError>([&] { save_checkpoint(folder.path(), made(40), 1); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_action);
  EXPECT_NE(message.find("step-000040"), std::string::npos) << message;
  EXPECT_EQ(newest_checkpoint(folder.path()), folder / "step-000020");
  EXPECT_EQ(read_checkpoint(folder / "step-000020", kSizes).step, 20);
  EXPECT_EQ(testing::entries_of(folder.path()), 1);
}

/// The step of the newest checkpoint, 0 without one.
std::int64_t newest_step(const fs::path& folder, const std::map<std::string, std::int64_t>& sizes) {
  const auto newest = newest_checkpoint(folder);
  return newest ? read_checkpoint(*newest, sizes).step : 0;
}

/// Goes on from the newest checkpoint, saving one step after another, until it is killed. The values of step
/// n are all n.
[[noreturn]] void save_for_ever(const fs::path& folder,
                                const std::map<std::string, std::int64_t>& sizes) noexcept {
  remove_unfinished(folder);
  std::int64_t step = newest_step(folder, sizes);
  while (true) {
    Checkpoint next = made(++step);
    const at::Tensor all = at::full({sizes.at("base")}, static_cast<float>(step));
    next.groups.at("base").values = next.groups.at("base").best_values = all;
    next.groups.at("base").moments = {all, all};
    next.groups.at("base").average = at::Tensor();
    save_checkpoint(folder, next, 2);
  }
}

/// Kills a writer at a random moment after its first checkpoint.
void write_and_kill(const fs::path& folder, const std::map<std::string, std::int64_t>& sizes,
                    std::uint64_t microseconds) {
  const auto before = newest_checkpoint(folder);
  const pid_t child = fork();
  if (child == 0) {
    save_for_ever(folder, sizes);
  }
  ASSERT_GT(child, 0);
  for (int i = 0; i < 20000 && newest_checkpoint(folder) == before; ++i) {
    ::usleep(1000);
  }
  ::usleep(static_cast<useconds_t>(microseconds));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(Checkpoint, fifty_kills_in_the_midst_of_saving_leave_a_whole_one_each_time) {
  const testing::TemporaryFolder folder;
  const std::map<std::string, std::int64_t> sizes{{"base", 4000}};
  Random random(5, "kill");
  std::int64_t last = 0;
  std::ptrdiff_t unfinished = 0;
  for (int kill_number = 0; kill_number < 50; ++kill_number) {
    write_and_kill(folder.path(), sizes, random.below(5000));
    unfinished += std::count_if(fs::directory_iterator(folder.path()), {},
                                [](const auto& entry) { return is_temporary_name(entry.path()); });
    ASSERT_GT(newest_step(folder.path(), sizes), last);
    const Checkpoint whole = read_checkpoint(*newest_checkpoint(folder.path()), sizes);
    last = whole.step;
    const GroupState& state = whole.groups.at("base");
    for (const at::Tensor& tensor : {state.values, state.moments.first, state.moments.second}) {
      EXPECT_TRUE((tensor == static_cast<float>(last)).all().item<bool>()) << "step " << last;
    }
  }
  EXPECT_GT(unfinished, 0) << "no kill came in the midst of saving, so the test shows nothing";
}

TEST(Fingerprint, the_first_difference_is_named_with_both_values) {
  const io::Json ours{{"config", {{"epochs", 3}, {"seed", 1}}}};
  EXPECT_NO_THROW(require_equal(ours, ours, "run/step-000020"));
  const io::Json theirs{{"config", {{"epochs", 3}, {"seed", 2}}}};
  const std::string message =
      testing::message_of<ConfigError>([&] { require_equal(theirs, ours, "run/step-000020"); });
  EXPECT_EQ(message, "`config.seed` must be 2 as in run/step-000020, but is 1 instead.");
}

TEST(Fingerprint, a_setting_left_out_is_absent_as_in_checkpoints_that_are_older_than_it) {
  TrainConfig config;
  EXPECT_FALSE(config_fingerprint(config).contains("max_steps"));
  config.max_steps = 7;
  EXPECT_EQ(config_fingerprint(config).at("max_steps"), 7);
}

TEST(Fingerprint, covers_every_id_and_where_prompt_and_answer_meet) {
  const Example example{{1, 2}, {3}, 0, 9};
  const auto print = [](const Example& e) { return examples_fingerprint({&e}); };
  EXPECT_EQ(print(example), print(Example(example)));
  EXPECT_NE(print(example), print({{1}, {2, 3}, 0, 9}));
  EXPECT_NE(print(example), print({{1, 2}, {4}, 0, 9}));
  EXPECT_NE(print(example), print({{1, 2}, {3}, 0, 8}));
  EXPECT_NE(print(example), examples_fingerprint({&example, &example}));
}

}  // namespace
}  // namespace routedk::train

#include "routedk/core/run_folder.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include "core/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace routedk {
namespace {

using ::testing::HasSubstr;
using testing::message_of;
using testing::TemporaryFolder;

TEST(RunFolder, steps_and_fingerprints_outlive_the_process) {
  const TemporaryFolder folder;
  {
    RunFolder run(folder / "a/b");
    EXPECT_FALSE(run.done("distill"));
    EXPECT_EQ(run.fingerprint("distill"), "");
    run.mark_done("distill", "f1 with a blank");
    run.mark_done("train", "f2");
    run.mark_done("distill", "f3");
  }
  const RunFolder run(folder / "a/b");
  EXPECT_EQ(run.fingerprint("distill"), "f3");
  EXPECT_EQ(run.fingerprint("train"), "f2");
  EXPECT_FALSE(run.done("eval"));
}

TEST(RunFolder, forgotten_steps_stay_forgotten) {
  const TemporaryFolder folder;
  {
    RunFolder run(folder.path());
    run.mark_done("a", "1");
    run.mark_done({{"b", "2"}, {"c", "3"}});
    run.forget({"b", "c", "d"});
    EXPECT_FALSE(run.done("b"));
  }
  const RunFolder run(folder.path());
  EXPECT_TRUE(run.done("a"));
  EXPECT_FALSE(run.done("b"));
  EXPECT_FALSE(run.done("c"));
}

TEST(RunFolder, a_second_user_is_refused_until_the_first_leaves) {
  const TemporaryFolder folder;
  {
    const RunFolder run(folder.path());
    EXPECT_EQ(
        message_of<UserError>([&] { const RunFolder second(folder.path()); }),
        folder.path().string() + " must be used by one process at a time, but another one works in it.");
  }
  EXPECT_NO_THROW(RunFolder(folder.path()));
}

TEST(RunFolder, a_killed_process_leaves_no_lock) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const RunFolder run(folder.path());
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_NO_THROW(RunFolder(folder.path()));
}

TEST(RunFolder, leftovers_of_interrupted_writers_are_removed_and_nothing_else) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "checkpoints");
  const auto torn = temporary_name(folder / "checkpoints/step-5");
  std::filesystem::create_directory(torn);
  write_file_atomic(torn / "weights", "half");
  folder.write("notes.tmp-mine", "kept");
  write_file_atomic(folder / "checkpoints/whole", "kept");
  const RunFolder run(folder.path());
  EXPECT_FALSE(std::filesystem::exists(torn));
  EXPECT_TRUE(std::filesystem::exists(folder / "notes.tmp-mine"));
  EXPECT_TRUE(std::filesystem::exists(folder / "checkpoints/whole"));
}

TEST(RunFolder, a_damaged_record_is_named_by_line) {
  const TemporaryFolder folder;
  const auto file = folder.write("steps.txt", "a 1\nb\n");
  const std::string message = message_of<FileError>([&] { const RunFolder run(folder.path()); });
  EXPECT_THAT(message, HasSubstr("`b` instead (" + file.string() + ":2)"));
  folder.write("steps.txt", "a 1\na 2\n");
  EXPECT_THROW(RunFolder(folder.path()), FileError);
}

TEST(RunFolder, names_that_would_damage_the_record_are_refused) {
  const TemporaryFolder folder;
  RunFolder run(folder.path());
  EXPECT_THROW(run.mark_done("two words", "1"), Error);
  EXPECT_THROW(run.mark_done("", "1"), Error);
  EXPECT_THROW(run.mark_done("a", "1\n2"), Error);
  EXPECT_THROW(run.mark_done({{"a", "1"}, {"two words", "2"}}), Error);
  EXPECT_FALSE(run.done("a"));
}

TEST(RunFolder, a_file_in_its_place_is_an_error) {
  const TemporaryFolder folder;
  const auto file = folder.write("f", "x");
  EXPECT_THROW(RunFolder{file}, SystemError);
}

}  // namespace
}  // namespace routedk

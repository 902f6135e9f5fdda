#include "routedk/io/event_file.h"

#include <cstdlib>

#include "core/temporary_folder.h"
#include <gtest/gtest.h>

namespace routedk::io {
namespace {

TEST(Crc32c, gives_the_check_values_of_rfc_3720) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc32c(""), 0U);
}

/// The one file of the folder.
std::string only_file(const std::filesystem::path& folder) {
  EXPECT_EQ(testing::entries_of(folder), 1);
  return std::filesystem::directory_iterator(folder)->path().string();
}

TEST(EventFile, holds_framed_records_of_known_bytes) {
  const testing::TemporaryFolder folder;
  EventFile(folder / "tb").scalar("a/b", 300, 0.5);
  const std::string bytes = testing::content_of(only_file(folder / "tb"));
  // wall time (9 bytes), then file_version, in 9 + 15 = 24 bytes of data and 16 of frame.
  ASSERT_EQ(bytes.size(), 40U + 16U + 9U + 3U + 14U);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x18\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(bytes.substr(21, 15),
            "\x1a\x0d"
            "brain.Event:2");
  EXPECT_EQ(bytes.substr(61, 17), std::string("\x10\xAC\x02\x2A\x0C\x0A\x0A\x0A\x03"
                                              "a/b\x15\0\0\0\x3F",
                                              17));
}

TEST(EventFile, is_read_back_by_the_tensorboard_package) {
  const char* python = std::getenv("ROUTEDK_PYTHON");
  if (python == nullptr) {
    GTEST_SKIP() << "ROUTEDK_PYTHON names no Python with the tensorboard package";
  }
  const testing::TemporaryFolder folder;
  {
    EventFile events(folder / "tb");
    events.scalar("train/loss", 1, 2.5);
    events.scalar("train/loss", 1000000, -0.125);
    events.scalar("router/gates/entropy", 7, 1.0986);
  }
  const auto script = folder.write("read.py", R"(
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]); events.Reload()
assert sorted(events.Tags()["scalars"]) == ["router/gates/entropy", "train/loss"], events.Tags()
assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(1, 2.5), (1000000, -0.125)]
assert abs(events.Scalars("router/gates/entropy")[0].value - 1.0986) < 1e-6
)");
  const std::string command = std::string(python) + " " + script.string() + " " + (folder / "tb").string();
  EXPECT_EQ(std::system(command.c_str()), 0);
}

}  // namespace
}  // namespace routedk::io

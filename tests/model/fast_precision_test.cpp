#include "routedk/model/fast_precision.h"

#include "routedk/io/jsonl.h"
#include "routedk/kernels/cpu/capability.h"

#include <chrono>
#include <cstdlib>

#include "core/temporary_folder.h"
#include <gtest/gtest.h>

namespace routedk::model {
namespace {

using kernels::Precision;

/// The user's cache in a folder of its own.
class FastPrecision : public ::testing::Test {
 protected:
  FastPrecision() { setenv("XDG_CACHE_HOME", folder_.path().c_str(), 1); }
  ~FastPrecision() override {
    if (before_.empty()) {
      unsetenv("XDG_CACHE_HOME");
    } else {
      setenv("XDG_CACHE_HOME", before_.c_str(), 1);
    }
  }
  std::filesystem::path file() const { return folder_ / "routedk" / "bfloat16_speedup.json"; }
  /// What was measured, as the file names this CPU.
  std::string key() const { return io::read_json(file()).items().begin().key(); }

  const testing::TemporaryFolder folder_;
  const std::string before_ = std::getenv("XDG_CACHE_HOME") == nullptr ? "" : std::getenv("XDG_CACHE_HOME");
};

TEST_F(FastPrecision, is_measured_once_and_then_read) {
  const double measured = bfloat16_speedup();
  EXPECT_EQ(io::read_json(file())[key()], measured);
  EXPECT_GT(measured, 0.0);
  if (kernels::cpu::has_bfloat16_products()) {  // half the rate of fp32 up to tiles' sixteenfold
    EXPECT_GT(measured, 0.3);
    EXPECT_LT(measured, 20.0);
  }
  for (const auto& [speedup, wanted] : {std::pair(0.5, Precision::kFloat32), {3.0, Precision::kBFloat16}}) {
    io::write_json(file(), {{key(), speedup}});
    EXPECT_EQ(bfloat16_speedup(), speedup);
    EXPECT_EQ(fast_precision(), wanted);
  }
}

TEST_F(FastPrecision, is_measured_again_where_the_file_says_nothing_of_this_cpu) {
  bfloat16_speedup();
  const std::string cpu = key();
  for (const io::Json& other : {io::Json{{"another", 7.0}}, io::Json{{cpu, "fast"}}, io::Json::array({1})}) {
    io::write_json(file(), other);
    EXPECT_LT(bfloat16_speedup(), 7.0);
    EXPECT_TRUE(io::read_json(file())[cpu].is_number());
  }
}

TEST_F(FastPrecision, makes_no_home_where_there_is_none) {
  const char* const home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  const std::filesystem::path missing = folder_ / "nobody";
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", missing.c_str(), 1);
  EXPECT_GT(bfloat16_speedup(), 0.0);
  EXPECT_FALSE(std::filesystem::exists(missing));
  std::filesystem::create_directory(missing);
  bfloat16_speedup();
  EXPECT_TRUE(std::filesystem::exists(missing / ".cache/routedk/bfloat16_speedup.json"));
  setenv("HOME", before.c_str(), 1);
}

TEST_F(FastPrecision, is_found_within_a_second) {
  const auto start = std::chrono::steady_clock::now();
  kernels::cpu::measure_bfloat16_speedup();
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 1.0);
}

}  // namespace
}  // namespace routedk::model

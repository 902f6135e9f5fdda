#include "routedk/core/thread_count.h"

#include "routedk/core/error.h"

#include "core/temporary_folder.h"
#include <gtest/gtest.h>

namespace routedk {
namespace {

using testing::message_of;

TEST(ThreadCount, is_that_of_the_usable_cpus_unless_the_variable_asks_for_fewer) {
  for (const auto& unset :
       {std::optional<std::string>(), std::optional<std::string>(""), std::optional<std::string>(" ")}) {
    EXPECT_EQ(default_thread_count(unset, 3).threads, 3);
    EXPECT_EQ(default_thread_count(unset, 3).note, "");
  }
  for (const auto& [text, threads] :
       {std::pair("2", 2), std::pair(" 2 ", 2), std::pair("3", 3), std::pair("1,64", 1)}) {
    EXPECT_EQ(default_thread_count(text, 3).threads, threads) << text;
    EXPECT_EQ(default_thread_count(text, 3).note, "") << text;
  }
}

TEST(ThreadCount, is_not_more_than_the_usable_cpus_and_says_so) {
  const ThreadCount count = default_thread_count("64", 2);
  EXPECT_EQ(count.threads, 2);
  EXPECT_EQ(count.note,
            "OMP_NUM_THREADS asks for 64 threads, but this process can use 2 CPUs: using 2 "
            "(--threads overrides this)");
  EXPECT_NE(default_thread_count("2", 1).note.find("can use 1 CPU: using 1"), std::string::npos);
}

TEST(ThreadCount, of_anything_but_an_integer_in_range_is_refused) {
  for (const char* text : {"0", "-1", "4097", "two", "2x", "1.5", ",2", "99999999999999999999"}) {
    const std::string message = message_of<ConfigError>([&] { default_thread_count(text, 2); });
    EXPECT_EQ(message.rfind("`OMP_NUM_THREADS` must be an integer from 1 to 4096, but is `", 0), 0U)
        << message;
  }
  EXPECT_EQ(message_of<ConfigError>([] { thread_count_in("0", "--threads"); }),
            "`--threads` must be an integer from 1 to 4096, but is `0` instead");
  EXPECT_EQ(thread_count_in("4096", "--threads"), 4096);
}

}  // namespace
}  // namespace routedk

#include "routedk/core/cpus.h"

#include <filesystem>

#include "core/temporary_folder.h"
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>

namespace routedk {
namespace {

using testing::TemporaryFolder;

/// A machine's proc and sys.
class Machine {
 public:
  Machine& file(const std::string& path, const std::string& content) {
    std::filesystem::create_directories((folder_ / path).parent_path());
    folder_.write(path, content);
    return *this;
  }
  std::optional<double> quota() const { return cgroup_cpu_quota(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

constexpr const char* kUnified =
    "24 1 0:22 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kCpu = "30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

TEST(CgroupCpuQuota, of_version_2_is_the_smallest_on_the_path) {
  Machine machine;
  machine.file("proc/self/cgroup", "0::/a/b/c\n").file("proc/self/mountinfo", kUnified);
  EXPECT_EQ(machine.quota(), std::nullopt);
  machine.file("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  EXPECT_EQ(machine.quota(), 1.5);
  machine.file("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(machine.quota(), 1.5);
  machine.file("sys/fs/cgroup/a/b/c/cpu.max", "400000 100000\n");
  EXPECT_EQ(machine.quota(), 1.5);
  machine.file("sys/fs/cgroup/a/b/c/cpu.max", "10000 20000\n");
  EXPECT_EQ(machine.quota(), 0.5);
  machine.file("sys/fs/cgroup/a/b/d/cpu.max", "1000 20000\n");  // not on the path
  EXPECT_EQ(machine.quota(), 0.5);
}

TEST(CgroupCpuQuota, of_version_1_is_quota_by_period) {
  Machine machine;
  machine.file("proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/a/b\n1:cpuset:/s\n0::/\n")
      .file("proc/self/mountinfo", fmt::format("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n{}", kCpu))
      .file("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n")
      .file("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n")
      .file("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "250000\n")
      .file("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(machine.quota(), 2.5);
  machine.file("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n");
  EXPECT_EQ(machine.quota(), 2.0);
}

TEST(CgroupCpuQuota, of_both_versions_at_once_is_the_smaller) {
  Machine machine;
  machine.file("proc/self/cgroup", "3:cpu,cpuacct:/a\n0::/b\n")
      .file("proc/self/mountinfo",
            fmt::format("{}25 24 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", kCpu))
      .file("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "300000\n")
      .file("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n")
      .file("sys/fs/cgroup/unified/b/cpu.max", "700000 100000\n");
  EXPECT_EQ(machine.quota(), 3.0);
}

TEST(CgroupCpuQuota, of_a_container_is_read_where_its_group_is_mounted) {
  Machine bind;  // the mount's root is the container's group
  bind.file("proc/self/cgroup", "3:cpu:/docker/12ab/inner\n")
      .file("proc/self/mountinfo", "30 24 0:26 /docker/12ab /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n")
      .file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n")
      .file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
      .file("sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us", "50000\n")
      .file("sys/fs/cgroup/cpu/inner/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(bind.quota(), 0.5);
  Machine elsewhere;  // a group outside of the mount, or of the namespace
  elsewhere.file("proc/self/cgroup", "0::/../other\n")
      .file("proc/self/mountinfo", kUnified)
      .file("sys/fs/cgroup/cpu.max", "300000 100000\n");
  EXPECT_EQ(elsewhere.quota(), 3.0);
}

TEST(CgroupCpuQuota, is_absent_where_nothing_can_be_read) {
  EXPECT_EQ(Machine().quota(), std::nullopt);
  for (const char* text :
       {"", "max\n", "0 100000\n", "100000 0\n", "x 100000\n", "100000 100000 1\n", "-5 100000\n"}) {
    Machine machine;
    machine.file("proc/self/cgroup", "nonsense\n0::/\n")
        .file("proc/self/mountinfo", fmt::format("short line\n1 2 3 4 -\n{}", kUnified))
        .file("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(machine.quota(), std::nullopt) << text;
  }
}

TEST(UsableCpus, are_the_cpus_within_the_quota_of_which_a_fraction_counts_as_one) {
  EXPECT_EQ(usable_cpus(4, std::nullopt), 4);
  EXPECT_EQ(usable_cpus(4, 2.0), 2);
  EXPECT_EQ(usable_cpus(4, 1.5), 2);
  EXPECT_EQ(usable_cpus(4, 0.1), 1);
  EXPECT_EQ(usable_cpus(4, 64.0), 4);
  EXPECT_EQ(usable_cpus(0, std::nullopt), 1);
}

TEST(AffinityCpus, follow_the_mask) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(affinity_cpus(), CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (std::size_t cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &one);
    }
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(affinity_cpus(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

}  // namespace
}  // namespace routedk

#include "routedk/core/cpus.h"

#include "routedk/core/numbers.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <sched.h>

namespace routedk {
namespace {

namespace fs = std::filesystem;

enum class CgroupVersion { k1, k2 };

/// A cgroup hierarchy that controls CPU time, and this process's group in it.
struct Cgroup {
  CgroupVersion version;
  fs::path mount_point;
  fs::path group;  ///< relative to the mount point; empty: the mount point itself
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    parts.push_back(std::move(part));
  }
  return parts;
}

bool names_cpu(const std::string& list) {
  const std::vector<std::string> names = split(list, ',');
  return std::find(names.begin(), names.end(), "cpu") != names.end();
}

/// This process's path in the hierarchy, from lines "id:controllers:path"; those of version 2 list no
/// controllers.
std::optional<std::string> group_path(const fs::path& root, CgroupVersion version) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version == CgroupVersion::k2 ? controllers.empty() : names_cpu(controllers)) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

/// `path` relative to a mount whose root is `mounted`; empty if it is outside.
fs::path below(const std::string& path, const std::string& mounted) {
  const fs::path relative = fs::path(path).lexically_relative(mounted);
  const bool outside = relative.empty() || relative == "." || *relative.begin() == "..";
  return outside ? fs::path() : relative;
}

/// Lines "id parent device root mount_point options... - type source super_options" (proc_pid_mountinfo(5)).
std::vector<Cgroup> cpu_cgroups(const fs::path& root) {
  constexpr std::size_t kRoot = 3;
  constexpr std::size_t kMountPoint = 4;
  std::vector<Cgroup> found;
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() <= static_cast<std::ptrdiff_t>(kMountPoint) || fields.end() - dash < 4) {
      continue;
    }
    const bool v1 = dash[1] == "cgroup" && names_cpu(dash[3]);
    if (!v1 && dash[1] != "cgroup2") {
      continue;
    }
    const CgroupVersion version = v1 ? CgroupVersion::k1 : CgroupVersion::k2;
    if (const auto path = group_path(root, version)) {
      found.push_back(
          {version, root / fs::path(fields[kMountPoint]).relative_path(), below(*path, fields[kRoot])});
    }
  }
  return found;
}

std::optional<double> ratio(const std::string& quota, const std::string& period) {
  const auto time = number_in<double>(quota);  // "max" and -1: no quota
  const auto per = number_in<double>(period);
  return time && per && *time > 0 && *per > 0 ? std::optional(*time / *per) : std::nullopt;
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<double> quota_of(const fs::path& folder, CgroupVersion version) {
  if (version == CgroupVersion::k1) {
    return ratio(first_line(folder / "cpu.cfs_quota_us"), first_line(folder / "cpu.cfs_period_us"));
  }
  const std::vector<std::string> words = split(first_line(folder / "cpu.max"), ' ');
  return words.size() == 2 ? ratio(words[0], words[1]) : std::nullopt;
}

}  // namespace

std::int64_t affinity_cpus() {
  // The kernel refuses a set smaller than its own: grow it until accepted.
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
    cpu_set_t* const set = CPU_ALLOC(static_cast<std::size_t>(cpus));
    if (set == nullptr) {
      break;
    }
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    const int count = ::sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) {
      return count;
    }
  }
  return 1;
}

std::optional<double> cgroup_cpu_quota(const fs::path& root) {
  std::optional<double> smallest;
  const auto take = [&](const std::optional<double>& quota) {
    if (quota && (!smallest || *quota < *smallest)) {
      smallest = quota;
    }
  };
  for (const Cgroup& cgroup : cpu_cgroups(root)) {
    fs::path folder = cgroup.mount_point;
    take(quota_of(folder, cgroup.version));
    for (const fs::path& part : cgroup.group) {
      folder /= part;
      take(quota_of(folder, cgroup.version));
    }
  }
  return smallest;
}

std::int64_t usable_cpus(std::int64_t cpus, std::optional<double> quota) {
  const double most = std::min(quota ? std::ceil(*quota) : 1e6, static_cast<double>(cpus));
  return std::max<std::int64_t>(std::llround(most), 1);
}

}  // namespace routedk

#include "routedk/model/fast_precision.h"

#include "routedk/core/error.h"
#include "routedk/io/jsonl.h"
#include "routedk/kernels/cpu/capability.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace routedk::model {
namespace {

/// The least speedup that makes rounding worthwhile.
constexpr double kWorthwhile = 1.2;

/// The user's cache folder (XDG Base Directory Specification), empty if there is none or no home directory.
std::filesystem::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): never set
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  const std::filesystem::path set = variable("XDG_CACHE_HOME");
  const std::filesystem::path home = variable("HOME");
  if (set.is_absolute()) {
    return set / "routedk";
  }
  std::error_code none;
  return home.is_absolute() && std::filesystem::is_directory(home, none) ? home / ".cache" / "routedk"
                                                                         : std::filesystem::path();
}

/// Speedups by CPU; empty if the file is missing or malformed.
io::Json read_speedups(const std::filesystem::path& path) {
  try {
    io::Json speedups = io::read_json(path);
    return speedups.is_object() ? speedups : io::Json::object();
  } catch (const Error&) {
    return io::Json::object();
  }
}

void keep_speedups(const std::filesystem::path& path, const io::Json& speedups) {
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  try {
    io::write_json(path, speedups);
  } catch (const Error&) {  // measured again next time
  }
}

}  // namespace

double bfloat16_speedup() {
  const std::string cpu = fmt::format("{}, {}", kernels::cpu::cpu_name(), name_of(kernels::cpu::cpu_isa()));
  const std::filesystem::path folder = cache_folder();
  const std::filesystem::path path = folder / "bfloat16_speedup.json";
  io::Json speedups = folder.empty() ? io::Json::object() : read_speedups(path);
  if (const auto known = speedups.find(cpu); known != speedups.end() && known->is_number()) {
    return known->get<double>();
  }
  const double measured = kernels::cpu::measure_bfloat16_speedup();
  speedups[cpu] = measured;
  if (!folder.empty()) {
    keep_speedups(path, speedups);
  }
  return measured;
}

kernels::Precision fast_precision() {
  return bfloat16_speedup() >= kWorthwhile ? kernels::Precision::kBFloat16 : kernels::Precision::kFloat32;
}

}  // namespace routedk::model

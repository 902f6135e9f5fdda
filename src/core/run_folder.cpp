#include "routedk/core/run_folder.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace routedk {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLockName = ".lock";
constexpr const char* kStepsName = "steps.txt";  // one "step fingerprint" a line

[[noreturn]] void fail(const fs::path& path, const std::error_code& error) {
  throw_<SystemError>("{} must be usable as a run folder, but the system says: {}.", path.string(),
                      error.message());
}

}  // namespace

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) {
    fail(path_, error);
  }
  lock();
  try {
    remove_leftovers();
    load();
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

RunFolder::~RunFolder() {
  ::close(lock_);
}

void RunFolder::lock() {
  lock_ = ::open((path_ / kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) {
    fail(path_, {errno, std::system_category()});
  }
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    ::close(lock_);
    if (error == EWOULDBLOCK) {
      throw_<UserError>("{} must be used by one process at a time, but another one works in it.",
                        path_.string());
    }
    fail(path_, {error, std::system_category()});
  }
}

void RunFolder::remove_leftovers() const {
  std::vector<fs::path> leftovers;
  for (auto entry = fs::recursive_directory_iterator(path_); entry != fs::end(entry); ++entry) {
    if (is_temporary_name(entry->path())) {
      leftovers.push_back(entry->path());
      entry.disable_recursion_pending();
    }
  }
  for (const fs::path& leftover : leftovers) {
    fs::remove_all(leftover);
  }
}

void RunFolder::load() {
  const fs::path file = path_ / kStepsName;
  if (!fs::exists(file)) {
    return;
  }
  std::istringstream lines(read_file(file));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::size_t space = line.find(' ');
    if (space == 0 || space == std::string::npos || done(line.substr(0, space))) {
      throw_<FileError>("A line must be a step named once and its fingerprint, but is `{}` instead ({}:{}).",
                        line, file.string(), number);
    }
    steps_.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
}

void RunFolder::save() const {
  std::string text;
  for (const auto& [step, fingerprint] : steps_) {
    text += fmt::format("{} {}\n", step, fingerprint);
  }
  write_file_atomic(path_ / kStepsName, text);
}

const RunFolder::Step* RunFolder::find(const std::string& step) const {
  const auto at = std::find_if(steps_.begin(), steps_.end(), [&](const Step& s) { return s.first == step; });
  return at == steps_.end() ? nullptr : &*at;
}

std::string RunFolder::fingerprint(const std::string& step) const {
  const Step* found = find(step);
  return found == nullptr ? "" : found->second;
}

void RunFolder::mark_done(const std::vector<Step>& steps) {
  for (const auto& [step, fingerprint] : steps) {
    if (step.empty() || step.find_first_of(" \n") != std::string::npos ||
        fingerprint.find('\n') != std::string::npos) {
      throw_<Error>("A step must be one word and its fingerprint one line, but they are `{}` and `{}`.", step,
                    fingerprint);
    }
  }
  for (const auto& step : steps) {
    std::erase_if(steps_, [&](const Step& s) { return s.first == step.first; });
    steps_.push_back(step);
  }
  save();
}

void RunFolder::forget(const std::vector<std::string>& steps) {
  std::erase_if(steps_,
                [&](const Step& s) { return std::find(steps.begin(), steps.end(), s.first) != steps.end(); });
  save();
}

}  // namespace routedk

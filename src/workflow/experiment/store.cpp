#include "routedk/workflow/experiment/store.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/core/utc.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace routedk::workflow {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormatFile = "store.json";
constexpr const char* kLock = ".lock";
constexpr const char* kBegun = "begun.json";
constexpr const char* kWhole = "step.json";
constexpr std::int64_t kFormat = 1;

[[noreturn]] void refused(const fs::path& path, int error) {
  throw_<SystemError>("{} must be usable as a store of steps, but the system says: {}.", path.string(),
                      std::error_code(error, std::system_category()).message());
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    refused(path, error.value());
  }
}

/// Opens and locks the file; empty if another process holds the lock.
std::unique_ptr<StepLock> lock_file(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file < 0) {
    refused(path, errno);
  }
  auto lock = std::make_unique<StepLock>(file);
  for (int attempt = 0; attempt < 5; ++attempt) {  // a check of the holder locks it for a moment
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) {
      return lock;
    }
    if (errno != EWOULDBLOCK) {
      refused(path, errno);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return nullptr;
}

/// Whether a process has the file locked; changes nothing on disk.
bool is_held(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return false;
  }
  const StepLock closed_again(file);
  return ::flock(file, LOCK_SH | LOCK_NB) != 0;
}

void remove_leftovers(const fs::path& folder) {
  std::vector<fs::path> leftovers;
  for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::end(entry); ++entry) {
    if (is_temporary_name(entry->path())) {
      leftovers.push_back(entry->path());
      entry.disable_recursion_pending();
    }
  }
  for (const fs::path& leftover : leftovers) {
    fs::remove_all(leftover);
  }
}

std::string this_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "an unnamed host";
}

io::Json begun_record(const Step& step) {
  return {{"step", to_string(step.id)}, {"kind", name_of(step.id.kind)},
          {"name", step.id.name},       {"key", step.key},
          {"settings", step.settings},  {"inputs", step.input_keys},
          {"places", step.places},      {"begun", utc_now()},
          {"host", this_host()},        {"process", ::getpid()}};
}

/// The members of an object whose values are texts.
std::map<std::string, std::string> texts_of(const io::JsonField& json) {
  json.require(json.value().is_object(), "be an object");
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : json.value().items()) {
    texts[name] = json[name].text();
  }
  return texts;
}

bool reads_test_split(const Step& step) {
  const auto split = step.settings.find("eval.split");
  return split != step.settings.end() && split->second == "test";
}

}  // namespace

StepLock::~StepLock() {
  ::close(file_);
}

std::optional<io::JsonField> record_in(const fs::path& step_folder) {
  for (const char* name : {kWhole, kBegun}) {
    if (fs::exists(step_folder / name)) {
      return io::read_json_field(step_folder / name);
    }
  }
  return std::nullopt;
}

Step step_of(const io::JsonField& record) {
  return {{record["kind"].choice<StepKind>(), record["name"].text()},
          texts_of(record["settings"]),
          {},
          texts_of(record["inputs"]),
          record["key"].text(),
          record.value().contains("places") ? texts_of(record["places"]) : Settings()};
}

void Store::require_format() const {
  if (!fs::exists(folder_ / kFormatFile)) {
    make_folder(folder_);
    io::write_json(folder_ / kFormatFile, {{"format", kFormat}});
  }
  check_format();
}

void Store::check_format() const {
  const fs::path file = folder_ / kFormatFile;
  const auto format = io::read_json_field(file)["format"].integer(0);
  if (format != kFormat) {
    throw_<ConfigError>(
        "a store of steps must have format {}, but {} has format {}: choose another run.store", kFormat,
        folder_.string(), format);
  }
}

bool Store::done(const Step& step) const {
  return fs::exists(folder_of(step) / kWhole);
}

std::optional<io::JsonField> Store::record(const Step& step) const {
  return record_in(folder_of(step));
}

std::unique_ptr<StepLock> Store::open(const Step& step) const {
  require_format();
  const fs::path folder = folder_of(step);
  make_folder(folder);
  auto lock = lock_file(folder / kLock);
  if (lock == nullptr) {
    return nullptr;
  }
  remove_leftovers(folder);
  require_same(step);
  begin(step);
  return lock;
}

std::unique_ptr<StepLock> Store::open_part(const Step& step, const fs::path& lock) const {
  require_format();
  const fs::path folder = folder_of(step);
  make_folder(lock.parent_path());
  constexpr int kMostSeconds = 30;  // others hold it only while writing a small file
  std::unique_ptr<StepLock> whole;
  for (int i = 0; whole == nullptr && i < kMostSeconds && !fs::exists(folder / kBegun); ++i) {
    whole = lock_file(folder / kLock);
    std::this_thread::sleep_for(std::chrono::seconds(whole == nullptr ? 1 : 0));
  }
  require_same(step);
  if (whole != nullptr && !fs::exists(folder / kBegun)) {
    begin(step);
  }
  return lock_file(lock);
}

/// ConfigError if the step's key belongs to other settings.
void Store::require_same(const Step& step) const {
  const fs::path folder = folder_of(step);
  if (const auto begun = record(step)) {
    const Step before = step_of(*begun);
    if (before.id != step.id || !differences(before, step).empty()) {
      throw_<ConfigError>("a key must belong to one step, but {} holds {} with other settings: remove it",
                          folder.string(), to_string(before.id));
    }
  }
}

/// Writes begun.json and, the first time, a record that the step reads the test part.
void Store::begin(const Step& step) const {
  const fs::path folder = folder_of(step);
  if (reads_test_split(step) && !fs::exists(folder / kBegun)) {
    io::JsonlWriter(folder_ / "test_reads.jsonl")
        .append({{"step", to_string(step.id)}, {"key", step.key}, {"at", utc_now()}});
  }
  io::write_json(folder / kBegun, begun_record(step));
}

void Store::check(const Step& step) const {
  if (fs::exists(folder_ / kFormatFile)) {
    check_format();
  }
  require_same(step);
}

std::string Store::holder(const Step& step) const {
  const fs::path folder = folder_of(step);
  if (!is_held(folder / kLock) || !fs::exists(folder / kBegun)) {
    return "";
  }
  const io::JsonField begun = io::read_json_field(folder / kBegun);
  return fmt::format("process {} on {}", begun["process"].integer(0), begun["host"].text());
}

void Store::close(const Step& step, const io::Json& measured) const {
  const io::JsonField begun = io::read_json_field(folder_of(step) / kBegun);
  begun.require(begun.value().is_object(), "be an object");
  io::Json whole = begun.value();
  whole["ended"] = utc_now();
  whole.update(measured);
  io::write_json(folder_of(step) / kWhole, whole);
}

void Store::remove(const Step& step, const std::vector<std::string>& kept) const {
  const fs::path folder = folder_of(step);
  if (!fs::exists(folder)) {
    return;
  }
  const auto lock = lock_file(folder / kLock);
  if (lock == nullptr) {
    throw_<UserError>("step {} cannot be redone while {} is working on it ({})", to_string(step.id),
                      holder(step), folder.string());
  }
  fs::remove(folder / kWhole);  // first: a partly removed step is not complete
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) {
    entries.push_back(entry.path());
  }
  for (const fs::path& entry : entries) {
    const std::string name = entry.filename().string();
    if (name != kLock && std::find(kept.begin(), kept.end(), name) == kept.end()) {
      fs::remove_all(entry);
    }
  }
}

std::vector<std::string> Store::keys(StepKind kind) const {
  std::vector<std::string> keys;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder_ / std::string(name_of(kind)), none)) {
    keys.push_back(entry.path().filename().string());
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::map<std::string, io::JsonField> Store::whole(StepKind kind) const {
  std::map<std::string, io::JsonField> records;
  for (const std::string& key : keys(kind)) {
    if (const fs::path file = folder_of(kind, key) / kWhole; fs::exists(file)) {
      records.emplace(key, io::read_json_field(file));
    }
  }
  return records;
}

std::optional<Step> Store::earlier(const Step& step,
                                   const std::map<std::string, io::JsonField>& records) const {
  std::optional<Step> newest;
  std::string ended;
  for (const auto& [key, record] : records) {
    Step other = step_of(record);
    const std::string& at = record["ended"].text();
    if (key != step.key && other.id == step.id && at > ended) {
      newest = std::move(other);
      ended = at;
    }
  }
  return newest;
}

}  // namespace routedk::workflow

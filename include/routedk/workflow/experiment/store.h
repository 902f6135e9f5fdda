/// Finished steps, shared by experiments, processes and machines: STORE/<kind>/<key>/ has a step's outputs,
/// begun.json (settings, inputs, who began it and when) and, once it is complete, step.json (the same with
/// seconds and memory). `.lock` is held by the process that works on it.
///
/// STORE/store.json names the format; STORE/test_reads.jsonl has a line for each key that read a test split,
/// with the time of the first read.
#pragma once

#include "routedk/io/json_field.h"
#include "routedk/workflow/experiment/step.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace routedk::workflow {

/// The exclusive right to work on a step; released on destruction, and by the system when the process ends.
class StepLock {
 public:
  explicit StepLock(int file) : file_(file) {}
  StepLock(const StepLock&) = delete;
  StepLock& operator=(const StepLock&) = delete;
  ~StepLock();

 private:
  int file_;
};

class Store {
 public:
  /// Writes nothing to disk.
  explicit Store(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const noexcept { return folder_; }
  std::filesystem::path folder_of(const Step& step) const { return folder_of(step.id.kind, step.key); }
  /// Whether the step exists and is complete.
  bool done(const Step& step) const;
  /// step.json, or begun.json of an incomplete step; empty if the step was never begun. FileError.
  std::optional<io::JsonField> record(const Step& step) const;

  /// Opens a step's folder for work: creates it, locks it, removes leftovers of interrupted writers and
  /// writes begun.json. Null if another process works on it. ConfigError if the store has another format or
  /// the key belongs to other settings; SystemError otherwise.
  std::unique_ptr<StepLock> open(const Step& step) const;
  /// Locks one part of a step, whose other parts other processes may work on at the same time: writes
  /// begun.json if there is none and creates the lock's folder. Null if another process has the part. Throws
  /// as open does.
  std::unique_ptr<StepLock> open_part(const Step& step, const std::filesystem::path& lock) const;
  /// Throws the ConfigErrors of open; writes nothing to disk.
  void check(const Step& step) const;
  /// Who works on the step: "process 4711 on host"; "" if nobody does.
  std::string holder(const Step& step) const;
  /// Marks the step, which the caller has open, as complete. `measured` goes into step.json.
  void close(const Step& step, const io::Json& measured) const;
  /// Removes the step's outputs and records, except the names in its folder listed in `kept`. UserError if
  /// another process works on it.
  void remove(const Step& step, const std::vector<std::string>& kept = {}) const;

  /// The folder of a key.
  std::filesystem::path folder_of(StepKind kind, const std::string& key) const {
    return folder_ / std::string(name_of(kind)) / key;
  }
  /// step.json of every complete step of a kind, by key. FileError.
  std::map<std::string, io::JsonField> whole(StepKind kind) const;
  /// All keys of a kind, complete or not.
  std::vector<std::string> keys(StepKind kind) const;
  /// The newest step of the same name under other settings in `records`, the result of whole(its kind); empty
  /// if there is none.
  std::optional<Step> earlier(const Step& step, const std::map<std::string, io::JsonField>& records) const;

 private:
  void require_format() const;
  void check_format() const;
  void require_same(const Step& step) const;
  void begin(const Step& step) const;

  std::filesystem::path folder_;
};

/// step.json in a step's folder, otherwise its begun.json; empty if it has neither. FileError.
std::optional<io::JsonField> record_in(const std::filesystem::path& step_folder);

/// The settings, inputs and key in a record. FileError.
Step step_of(const io::JsonField& record);

}  // namespace routedk::workflow

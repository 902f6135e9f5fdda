/// Finished steps, shared by experiments, processes and machines: STORE/<kind>/<key>/ holds a step's outputs,
/// begun.json (settings, inputs, who began it and when), and, once it is whole, step.json (the same with
/// seconds and memory). `.lock` is held by the process that works on it.
///
/// STORE/store.json names the format; STORE/test_reads.jsonl has a line for each key that read a test split,
/// when it did so first.
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

/// The right to work on a step; given back on destruction, and by the system when the process ends.
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
  /// Makes nothing on disk.
  explicit Store(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const noexcept { return folder_; }
  std::filesystem::path folder_of(const Step& step) const { return folder_of(step.id.kind, step.key); }
  /// Whether the step is there and whole.
  bool done(const Step& step) const;
  /// step.json, or begun.json of one under way; nothing where the step was never begun. FileError.
  std::optional<io::JsonField> record(const Step& step) const;

  /// Opens a step's folder for work: makes it, locks it, removes what interrupted writers left and writes
  /// begun.json. Null when another process works on it. ConfigError when the store has another format, or
  /// the key was taken by other settings; SystemError otherwise.
  std::unique_ptr<StepLock> open(const Step& step) const;
  /// Locks a part of a step, which other processes may do other parts of at the same time: writes begun.json
  /// where there is none and makes the lock's folder. Null when another process has the part. Errors of open.
  std::unique_ptr<StepLock> open_part(const Step& step, const std::filesystem::path& lock) const;
  /// The ConfigErrors of open; makes nothing on disk.
  void check(const Step& step) const;
  /// Who works on the step: "process 4711 on host"; "" when nobody does.
  std::string holder(const Step& step) const;
  /// Records that the step, which the caller has open, is whole. `measured` goes into step.json.
  void close(const Step& step, const io::Json& measured) const;
  /// Removes the step's outputs and records, except those in `kept`, names in its folder. UserError when
  /// another process works on it.
  void remove(const Step& step, const std::vector<std::string>& kept = {}) const;

  /// The folder of a key.
  std::filesystem::path folder_of(StepKind kind, const std::string& key) const {
    return folder_ / std::string(name_of(kind)) / key;
  }
  /// step.json of every whole step of a kind, by key. FileError.
  std::map<std::string, io::JsonField> whole(StepKind kind) const;
  /// Keys of a kind that are there, whole or not.
  std::vector<std::string> keys(StepKind kind) const;
  /// Of the same name under other settings, the newest of `records`, which are whole(its kind); nothing where
  /// there is none.
  std::optional<Step> earlier(const Step& step, const std::map<std::string, io::JsonField>& records) const;

 private:
  void require_format() const;
  void check_format() const;
  void require_same(const Step& step) const;
  void begin(const Step& step) const;

  std::filesystem::path folder_;
};

/// The settings, inputs and key that a record holds. FileError.
Step step_of(const io::JsonField& record);

}  // namespace routedk::workflow

/// The folder of one run: locked by one process, with a record of the steps that are done.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace routedk {

class RunFolder {
 public:
  using Step = std::pair<std::string, std::string>;  ///< name, fingerprint

  /// Makes or opens the folder, takes its lock and removes what interrupted writers left. UserError when
  /// another process works in it, FileError when the record of steps is damaged, SystemError otherwise.
  explicit RunFolder(std::filesystem::path path);
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  /// Gives the lock back.
  ~RunFolder();

  const std::filesystem::path& path() const noexcept { return path_; }
  bool done(const std::string& step) const { return find(step) != nullptr; }
  /// What mark_done recorded; "" when the step is not done.
  std::string fingerprint(const std::string& step) const;
  /// Records the steps, all or none of them on disk, before this returns. A step is one word, a fingerprint
  /// one line.
  void mark_done(const std::vector<Step>& steps);
  void mark_done(const std::string& step, const std::string& fingerprint) {
    mark_done({{step, fingerprint}});
  }
  /// Takes these steps back, on disk before this returns.
  void forget(const std::vector<std::string>& steps);

 private:
  const Step* find(const std::string& step) const;
  void lock();
  void remove_leftovers() const;
  void load();
  void save() const;

  std::filesystem::path path_;
  int lock_ = -1;
  std::vector<Step> steps_;
};

}  // namespace routedk

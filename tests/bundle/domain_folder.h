/// A domain's CSV files in a folder of their own, removed at the end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace routedk::bundle {

class DomainFolder {
 public:
  /// Two sessions with bundles (7: items 1 2 3; 5: items 3 4), one without (9); every item titled.
  DomainFolder() {
    dir_ = std::filesystem::path(::testing::TempDir()) /
           ("routedk_domain_" + std::to_string(getpid()) + "_" + std::to_string(next_++));
    std::filesystem::create_directories(dir_ / "toys");
    write("session_item.csv", "session ID,item ID\n5,3\n9,1\n7,1\n7,2\n5,4\n7,3\n9,4\n");
    write("session_bundle.csv", "session ID,bundle ID\n7,70\n5,50\n");
    write("bundle_item.csv", "bundle ID,item ID\n50,4\n50,3\n70,1\n70,2\n");
    write("bundle_intent.csv", "bundle ID,intent\n50,\"for the\nbath\"\n70,trains\n");
    write("item_categories.csv", "item ID,categories\n1,\"[[Toys,Trains]]\"\n");
    write("item_titles.csv",
          "item ID,titles\n1,Red train\n2,Rail\n3,Duck &amp; boat\n4,\" Towel\n \"\"soft\"\" \"\n");
  }
  DomainFolder(const DomainFolder&) = delete;
  DomainFolder& operator=(const DomainFolder&) = delete;
  ~DomainFolder() { std::filesystem::remove_all(dir_); }

  void write(const std::string& file, const std::string& text) const {
    std::ofstream(dir_ / "toys" / file) << text;
  }
  const std::filesystem::path& dir() const { return dir_; }

 private:
  static inline int next_ = 0;
  std::filesystem::path dir_;
};

}  // namespace routedk::bundle

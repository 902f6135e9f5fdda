#include "routedk/core/config.h"

#include "must.h"
#include "targets.h"

namespace routedk::fuzz {
namespace {

/// A section with a field of each kind.
struct Part {
  double rate = 0.5;
  std::string text;
  template <typename F>
  void fields(F& f) {
    f("rate", rate, "a number", between(0, 1));
    f("text", text, "a text");
  }
};

struct Whole {
  std::int64_t count = 1;
  bool flag = false;
  std::optional<std::int64_t> maybe;
  std::vector<std::string> names;
  std::vector<Part> parts;
  Part part;
  ConfigTree free;
  template <typename F>
  void fields(F& f) {
    f("count", count, "a number", at_least(0));
    f("flag", flag, "a choice");
    f("maybe", maybe, "a number or none");
    f("names", names, "texts");
    f("parts", parts, "sections");
    f("part", part, "a section");
    f("free", free, "anything");
  }
};

}  // namespace

/// What is read is dumped, and what is dumped is read as the same.
void settings(const std::filesystem::path& file) {
  const auto whole = read_config<Whole>(ConfigSource::from_file(file));
  const std::string dumped = dump_config(whole);
  must(dump_config(read_config<Whole>(ConfigSource::from_string(dumped, "dumped"))) == dumped);
}

}  // namespace routedk::fuzz

#define PCRE2_CODE_UNIT_WIDTH 8
#include "module_pattern.h"

#include "routedk/core/error.h"

#include <array>

#include <pcre2.h>

namespace routedk::experts {
namespace {

constexpr std::size_t kMaxLength = 1000;
constexpr std::uint32_t kMaxSteps = 20'000;
constexpr std::uint32_t kMaxHeap = 4096;  // KiB

template <auto Function>
struct FreeWith {
  template <typename T>
  void operator()(T* pointer) const noexcept {
    Function(pointer);
  }
};
using MatchData = std::unique_ptr<pcre2_match_data, FreeWith<pcre2_match_data_free>>;
using MatchContext = std::unique_ptr<pcre2_match_context, FreeWith<pcre2_match_context_free>>;

PCRE2_SPTR units(const std::string& text) {
  return reinterpret_cast<PCRE2_SPTR>(text.data());
}

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 200> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

MatchContext limited() {
  MatchContext context(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(context.get(), kMaxSteps);
  pcre2_set_heap_limit(context.get(), kMaxHeap);
  return context;
}

}  // namespace

void ModulePattern::Free::operator()(pcre2_real_code_8* code) const noexcept {
  pcre2_code_free(code);
}

ModulePattern::ModulePattern(const std::string& expression, const std::string& shown, std::string place)
    : shown_(shown.substr(0, 60)), place_(std::move(place)) {
  if (shown.size() > kMaxLength) {
    throw_<FileError>("a pattern must have at most {} characters, but `{}...` has {} ({})", kMaxLength,
                      shown_, shown.size(), place_);
  }
  if (shown.find("{,") != std::string::npos) {  // Python: from 0; PCRE2 10.42: literal characters
    throw_<FileError>("a pattern must spell repetitions {{0,n}}, but `{}` has one without its 0 ({})", shown_,
                      place_);
  }
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_.reset(pcre2_compile(units(expression), expression.size(), PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error,
                            &offset, nullptr));
  if (!code_) {
    throw_<FileError>("a pattern must be a regular expression, but `{}` is none: {} ({})", shown_,
                      message_of(error), place_);
  }
}

bool ModulePattern::run(const std::string& module, unsigned options, std::string* index) const {
  const MatchData match(pcre2_match_data_create_from_pattern(code_.get(), nullptr));
  const MatchContext context = limited();
  const int found =
      pcre2_match(code_.get(), units(module), module.size(), 0, options, match.get(), context.get());
  if (found == PCRE2_ERROR_NOMATCH) {
    return false;
  }
  if (found < 0) {
    throw_<FileError>("a pattern must match in at most {} steps, but `{}` does not: {} ({})", kMaxSteps,
                      shown_, message_of(found), place_);
  }
  PCRE2_UCHAR* text = nullptr;
  PCRE2_SIZE length = 0;
  if (index != nullptr &&
      pcre2_substring_get_byname(match.get(), reinterpret_cast<PCRE2_SPTR>("idx"), &text, &length) == 0) {
    index->assign(reinterpret_cast<const char*>(text), length);
    pcre2_substring_free(text);
  }
  return true;
}

bool ModulePattern::matches_all(const std::string& module) const {
  return run(module, PCRE2_ANCHORED | PCRE2_ENDANCHORED, nullptr);
}

bool ModulePattern::matches_start(const std::string& module) const {
  return run(module, PCRE2_ANCHORED, nullptr);
}

std::optional<std::string> ModulePattern::index_in(const std::string& module) const {
  std::string index;
  const bool found = run(module, PCRE2_ANCHORED, &index);
  return found && !index.empty() ? std::optional(index) : std::nullopt;
}

}  // namespace routedk::experts

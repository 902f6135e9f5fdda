/// Typed errors. All messages have one form: name the thing, state the rule, give the value, say where:
///   "`lora.rank` must be at least 1, but is 0 instead (demo.yaml:12)."
#pragma once

#include "routedk/core/display.h"

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace routedk {

/// Base of every error that this library throws. The message is escaped and has no API keys (core/display.h).
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message)
      : std::runtime_error(without_api_keys(escaped(message, /*keep_newlines=*/true))) {}
};

/// Something the user can fix: programs exit with 2.
class UserError : public Error {
 public:
  using Error::Error;
};

/// A configuration, an option or an argument breaks a rule.
class ConfigError : public UserError {
 public:
  using UserError::UserError;
};

/// An external file is missing, truncated or malformed.
class FileError : public UserError {
 public:
  using UserError::UserError;
};

/// The content of a data set breaks a rule (a bundle outside its session, an item without a title).
class DataError : public UserError {
 public:
  using UserError::UserError;
};

/// The system failed: a full disk, a failed read or rename. Programs exit with 1.
class SystemError : public Error {
 public:
  using Error::Error;
};

/// A computation gave a number that is not finite. Programs exit with 1.
class NumericError : public Error {
 public:
  using Error::Error;
};

/// A string, which may be external, in the form for messages; anything else unchanged.
template <typename T>
decltype(auto) displayed_argument(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return displayed(std::string_view(value));
  } else {
    return (value);
  }
}

inline constexpr std::size_t kMostMessage = 4000;  ///< bytes of a message, which may list values

/// Throws E with a formatted message: one line of at most kMostMessage bytes, each string in it escaped and
/// of at most kMostDisplayed bytes.
template <typename E, typename... Args>
[[noreturn]] void throw_(fmt::format_string<Args...> format, Args&&... args) {
  throw E(displayed(fmt::vformat(format, fmt::make_format_args(displayed_argument(args)...)), kMostMessage));
}

/// Returns `read()`, which reads the file that a setting names; a FileError begins with the setting:
/// "`model.path`: ...".
template <typename Read>
auto read_for(std::string_view setting, const Read& read) {
  try {
    return read();
  } catch (const FileError& error) {
    throw FileError(fmt::format("`{}`: {}", setting, error.what()));
  }
}

/// The exit code of a program after `error`: 2 for UserError, 128 + the signal for Interrupted
/// (stop_signal.h), 1 for anything else.
int exit_code(const std::exception& error) noexcept;

}  // namespace routedk

#include "routedk/core/command_line.h"

#include "routedk/core/display.h"

#include <filesystem>
#include <fstream>
#include <string_view>

namespace routedk {
namespace {

constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";

}  // namespace

std::string shell_word(const std::string& word) {
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
    return word;
  }
  std::string text = "'";
  for (const char c : word) {
    text += c == '\'' ? "'\\''" : std::string{c};
  }
  return text + "'";
}

std::string command_line() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);  // each argument ends with a null byte
  std::string command;
  for (std::string word; std::getline(in, word, '\0');) {
    command += command.empty() ? std::filesystem::path(word).filename().string() : " " + shell_word(word);
  }
  return escaped(without_api_keys(command));
}

}  // namespace routedk

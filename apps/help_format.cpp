#include "help_format.h"

#include "routedk/core/display.h"
#include "routedk/core/terminal.h"

#include <algorithm>
#include <sstream>

namespace routedk::apps {
namespace {

constexpr std::size_t kNarrowest = 20;  // of a column of text

std::size_t beside(std::size_t column) {
  const std::size_t columns = terminal_columns();
  return columns > column + kNarrowest ? columns - column : kNarrowest;
}

/// Where CLI11 writes the names that an option accepts, as in "TEXT:{bash,zsh}"; both npos if it accepts any.
struct Choices {
  std::size_t begin;
  std::size_t end;
};

Choices choices_in(const std::string& type) {
  const std::size_t begin = type.find(":{");
  const std::size_t end = begin == std::string::npos ? begin : type.find('}', begin);
  return {end == std::string::npos ? end : begin, end};
}

}  // namespace

std::string HelpFormat::make_description(const CLI::App* app) const {
  const std::string text = CLI::Formatter::make_description(app);
  return text.empty() ? text : wrapped(text, terminal_columns()) + "\n";
}

std::string HelpFormat::make_subcommand(const CLI::App* command) const {
  std::stringstream out;
  CLI::detail::format_help(out, command->get_display_name(),
                           wrapped(command->get_description(), beside(column_width_)), column_width_);
  return out.str();
}

std::string HelpFormat::make_option_opts(const CLI::Option* option) const {
  std::string text = CLI::Formatter::make_option_opts(option);
  if (const auto [begin, end] = choices_in(text); end != std::string::npos) {
    text.erase(begin, end + 1 - begin);
  }
  return text;
}

std::string HelpFormat::make_option_desc(const CLI::Option* option) const {
  std::string text = option->get_description();
  const std::string type = option->get_type_name();
  if (const auto [begin, end] = choices_in(type); end != std::string::npos) {
    std::string names = type.substr(begin + 2, end - begin - 2);
    for (std::size_t comma = names.find(','); comma != std::string::npos;
         comma = names.find(',', comma + 1)) {
      names.insert(comma + 1, " ");
    }
    text += " (" + names + ")";
  }
  return wrapped(text, beside(column_width_));
}

}  // namespace routedk::apps

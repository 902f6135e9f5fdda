/// How help texts are laid out.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace routedk::apps {

/// CLI11's layout, with descriptions wrapped at the width of the terminal and the names that an option
/// accepts moved into its description.
class HelpFormat : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override;
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

}  // namespace routedk::apps

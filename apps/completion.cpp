#include "completion.h"

#include "routedk/workflow/experiment/experiment_config.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::apps {
namespace {

std::vector<const CLI::App*> subcommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* /*each*/) { return true; });
}

std::string names_of(const std::vector<const CLI::App*>& commands, const char* between) {
  std::vector<std::string> names;
  std::transform(commands.begin(), commands.end(), std::back_inserter(names),
                 [](const CLI::App* command) { return command->get_name(); });
  return fmt::format("{}", fmt::join(names, between));
}

std::string options_of(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      words += (words.empty() ? "--" : " --") + name;
    }
  }
  return words;
}

/// The names that an option accepts, "TEXT:{bash,zsh}" -> "bash zsh"; "" if it accepts anything.
std::string choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.find('{');
  const std::size_t end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) {
    return "";
  }
  std::string names = type.substr(begin + 1, end - begin - 1);
  std::replace(names.begin(), names.end(), ',', ' ');
  return names;
}

/// Cases of "subcommand previous-word" after which something other than an option or a file follows.
std::string cases_after_options(const CLI::App& app, const std::string& command) {
  std::string cases;
  for (const CLI::Option* option : app.get_options()) {
    const std::string choices = choices_of(*option);
    for (const std::string& name : option->get_lnames()) {
      if (name == "set") {
        cases += fmt::format("    '{} --set') offers='{}='; compopt -o nospace 2>/dev/null ;;\n", command,
                             fmt::join(workflow::setting_names(), "= "));
      } else if (!choices.empty()) {
        cases += fmt::format("    '{} --{}') offers='{}' ;;\n", command, name, choices);
      }
    }
  }
  return cases;
}

/// Where each subcommand is a program of its own, as of `routedk run`: that program's completion takes over.
std::string handed_to_programs(const CLI::App& app) {
  return fmt::format(R"bash(  if ((COMP_CWORD > 1)); then
    case ${{COMP_WORDS[1]}} in {names})
      local program=${{COMP_WORDS[0]/#\~/$HOME}}-${{COMP_WORDS[1]}}  # beside it, as it is started
      local of=${{program##*/}}; of=_${{of//-/_}}
      typeset -f "$of" >/dev/null || eval "$("$program" --completion bash 2>/dev/null)"
      typeset -f "$of" >/dev/null || return
      COMP_WORDS=("$program" "${{COMP_WORDS[@]:2}}")
      COMP_CWORD=$((COMP_CWORD - 1))
      "$of"
      return ;;
    esac
  fi
)bash",
                     fmt::arg("names", names_of(subcommands(app), "|")));
}

std::string bash_script(const CLI::App& app, const std::string& program, Subcommands kind) {
  const auto commands = subcommands(app);
  std::string id = "_" + program;
  std::replace(id.begin(), id.end(), '-', '_');
  std::string find_command;
  std::string options;
  std::string after = cases_after_options(app, "");
  if (!commands.empty()) {
    find_command = fmt::format(
        "  for ((i = 1; i < COMP_CWORD; ++i)); do\n    case ${{COMP_WORDS[i]}} in {}) "
        "command=${{COMP_WORDS[i]}} ;; esac\n  done\n",
        names_of(commands, "|"));
  }
  for (const CLI::App* command : commands) {
    options += fmt::format("          {}) offers='{}' ;;\n", command->get_name(), options_of(*command));
    after += cases_after_options(*command, command->get_name());
  }
  options += fmt::format("          *) offers='{}' ;;\n", options_of(app));
  const std::string hand_over = kind == Subcommands::kPrograms ? handed_to_programs(app) : "";
  return fmt::format(R"({id}() {{
{hand_over}  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= offers= i
{find}  case $word in -*) ;; *)  # --set takes several assignments, which bash splits at each =
    for ((i = COMP_CWORD - 1; i > 0; --i)); do
      case ${{COMP_WORDS[i]}} in --set) [ "$before" = = ] || before=--set ;; -*) ;; *) continue ;; esac; break
    done ;;
  esac
  case "$command $before" in
{after}    *)
      case $word in
        -*) case $command in
{options}          esac ;;
        *) [ -n "$command" ] || offers='{commands}' ;;
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$offers" -- "$word"))
}}
complete -o default -F {id} {program}
)",
                     fmt::arg("id", id), fmt::arg("hand_over", hand_over), fmt::arg("find", find_command),
                     fmt::arg("after", after), fmt::arg("options", options),
                     fmt::arg("commands", names_of(commands, " ")), fmt::arg("program", program));
}

}  // namespace

std::string completion(const CLI::App& app, const std::string& shell, Subcommands kind) {
  const std::string& path = app.get_name();
  const std::string program = path.substr(path.rfind('/') + 1);
  const std::string script = bash_script(app, program, kind);
  const char* const of_bashs =
      "(( ${+functions[compdef]} )) || { autoload -U compinit && compinit; }\n"
      "autoload -U +X bashcompinit && bashcompinit\n";
  return fmt::format("# eval \"$({} --completion {})\"\n{}{}", program, shell, shell == "zsh" ? of_bashs : "",
                     script);
}

}  // namespace routedk::apps

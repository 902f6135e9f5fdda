#include "routedk/core/config_reader.h"

#include "routedk/core/display.h"
#include "routedk/core/suggestion.h"

#include <algorithm>
#include <iterator>

#include <fmt/ranges.h>

namespace routedk {
namespace {

constexpr std::size_t kMostOfKey = 100;  // bytes that a message shows

// The letters with which a name's words begin: "learning_rate" has "lr".
std::string initials(const std::string& name) {
  std::string letters;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (i == 0 || name[i - 1] == '_') {
      letters += name[i];
    }
  }
  return letters;
}

// "did you mean `rank` under `lora`?" for what is spelt well but elsewhere or otherwise: `lora_rank`,
// `lora.rank`, `rank`, `lr`. "" where no setting has these words; the least nested of several.
std::string same_words(const std::string& key, const std::vector<std::string>& settings) {
  const auto own_name = [](const std::string& setting) { return setting.substr(setting.rfind('.') + 1); };
  const auto flat = [](std::string name) {
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
  };
  std::vector<std::string> meant;
  std::copy_if(settings.begin(), settings.end(), std::back_inserter(meant), [&](const std::string& setting) {
    const std::string own = own_name(setting);
    return flat(setting) == flat(key) || own == key || (key.size() > 1 && initials(own) == key);
  });
  const auto best = std::ranges::min_element(
      meant, {}, [](const std::string& setting) { return std::ranges::count(setting, '.'); });
  if (best == meant.end()) {
    return "";
  }
  const std::string section = best->substr(0, best->size() - own_name(*best).size());
  return section.empty() ? fmt::format("did you mean `{}`?", *best)
                         : fmt::format("did you mean `{}` under `{}`?", own_name(*best),
                                       section.substr(0, section.size() - 1));
}

std::string place_suffix(const ConfigNode& node) {
  return node.place.empty() ? "." : fmt::format(" ({}).", node.place);
}

}  // namespace

void ConfigReader::read_free(const ConfigNode& node, const std::string& path, ConfigTree& tree) {
  if (node.kind == ConfigNode::Kind::kMap) {
    tree.root = node;
  } else if (node.kind == ConfigNode::Kind::kNull) {
    tree = {};
  } else {
    report(path, "a section", node);
  }
}

bool ConfigReader::is_section() {
  if (section_.kind == ConfigNode::Kind::kMap || section_.kind == ConfigNode::Kind::kNull) {
    return true;
  }
  report(path_, "a section", section_);
  return false;
}

std::string ConfigReader::join(const std::string& name) const {
  return path_.empty() ? name : path_ + "." + name;
}

void ConfigReader::report(const std::string& path, const std::string& rule, const ConfigNode& node) {
  problems_.push_back(
      fmt::format("`{}` must be {}, but is {} instead{}", path, rule, describe(node), place_suffix(node)));
}

std::string ConfigReader::list_words(const ConfigNode& node, bool of_scalars) {
  const bool one = of_scalars && node.kind == ConfigNode::Kind::kScalar;
  if (node.kind == ConfigNode::Kind::kNull) {
    return "a list, the empty one as []";
  }
  return one ? fmt::format("a list, as [{}]", displayed(node.text, kMostOfKey)) : "a list";
}

void ConfigReader::report_unknown_keys(const std::vector<std::string>& settings) {
  for (const ConfigNode& node : section_.children) {
    if (std::find(names_.begin(), names_.end(), node.name) == names_.end()) {
      std::string meant = same_words(node.name, settings);
      if (const std::string nearest = nearest_word(node.name, names_); meant.empty() && !nearest.empty()) {
        meant = fmt::format("did you mean `{}`?", nearest);
      }
      problems_.push_back(
          fmt::format("`{}` is not a known key; {}{}", displayed(join(node.name), kMostOfKey),
                      meant.empty() ? fmt::format("known here: {}", fmt::join(names_, ", ")) : meant,
                      place_suffix(node)));
    }
  }
}

std::string ConfigReader::place_of(const std::string& problem) const {
  const std::size_t begin = problem.find('`') + 1;  // 0 if there is none
  const std::size_t end = problem.find('`', begin);
  if (begin == 0 || end == std::string::npos) {
    return "";
  }
  const ConfigNode* node = &section_;
  for (std::size_t at = begin; node != nullptr && at < end;) {
    const std::size_t dot = std::min(problem.find('.', at), end);
    node = node->find(problem.substr(at, dot - at));
    at = dot + 1;
  }
  return node == nullptr ? "" : node->place;
}

void ConfigReader::locate(std::size_t first) {
  for (std::size_t i = first; i < problems_.size(); ++i) {
    std::string& problem = problems_[i];
    if (const std::string place = place_of(problem); !place.empty()) {
      if (problem.ends_with('.')) {
        problem.pop_back();
      }
      problem += fmt::format(" ({}).", place);
    }
    if (!path_.empty()) {
      problem = fmt::format("{}: {}", path_, problem);
    }
  }
}

}  // namespace routedk

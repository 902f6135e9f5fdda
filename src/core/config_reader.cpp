#include "routedk/core/config_reader.h"

#include "routedk/core/display.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include <fmt/ranges.h>

namespace routedk {
namespace {

constexpr std::size_t kMostOfKey = 100;  // bytes that a message shows

// Levenshtein distance, one row at a time.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// "did you mean `rank`?", or all known names if none is close.
std::string suggestion(const std::string& key, const std::vector<std::string>& known) {
  constexpr std::size_t kLongestKey = 60;  // longer keys are not treated as misspellings
  const auto nearer = [&](const std::string& a, const std::string& b) {
    return edit_distance(key, a) < edit_distance(key, b);
  };
  const auto nearest =
      key.size() > kLongestKey ? known.end() : std::min_element(known.begin(), known.end(), nearer);
  if (nearest != known.end() && edit_distance(key, *nearest) <= std::max<std::size_t>(2, key.size() / 2)) {
    return fmt::format("did you mean `{}`?", *nearest);
  }
  return fmt::format("known here: {}", fmt::join(known, ", "));
}

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
  return one ? fmt::format("a list, as [{}]", displayed(node.text, kMostOfKey)) : "a list";
}

void ConfigReader::report_unknown_keys(const std::vector<std::string>& settings) {
  for (const ConfigNode& node : section_.children) {
    if (std::find(names_.begin(), names_.end(), node.name) == names_.end()) {
      const std::string meant = same_words(node.name, settings);
      problems_.push_back(fmt::format("`{}` is not a known key; {}{}", displayed(join(node.name), kMostOfKey),
                                      meant.empty() ? suggestion(node.name, names_) : meant,
                                      place_suffix(node)));
    }
  }
}

void ConfigReader::prefix_path(std::size_t first) {
  for (std::size_t i = first; i < problems_.size() && !path_.empty(); ++i) {
    problems_[i] = fmt::format("{}: {}", path_, problems_[i]);
  }
}

}  // namespace routedk

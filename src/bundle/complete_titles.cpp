#include "routedk/bundle/complete_titles.h"

#include "routedk/bundle/domain_tables.h"
#include "routedk/bundle/plain_text.h"
#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/csv.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace routedk::bundle {
namespace {

namespace fs = std::filesystem;
using Titles = std::map<std::int64_t, std::string>;

std::set<std::int64_t> items_with_bundles(const fs::path& domain) {
  const IdTable sessions = read_id_table(domain / "session_item.csv");
  std::set<std::int64_t> items;
  for (const auto& session : read_id_table(domain / "session_bundle.csv").groups) {
    if (const auto* found = sessions.find(session.key)) {
      items.insert(found->values.begin(), found->values.end());
    }
  }
  return items;
}

/// The items still without a title, by ASIN. Several items can share an ASIN.
class Wanted {
 public:
  Wanted(std::set<std::int64_t> items, const fs::path& mapping) : unmapped_(std::move(items)) {
    std::set<std::int64_t> mapped;
    io::read_csv(mapping, 2, [&](const io::CsvRow& row) {
      const std::int64_t item = parse_id(row.fields[0], mapping, row.line);
      check_asin(row.fields[1], mapping, row.line);
      if (unmapped_.erase(item) > 0) {
        mapped.insert(item);
        by_asin_[row.fields[1]].items.push_back(item);
      } else if (mapped.contains(item)) {
        throw_<DataError>("An item must have one ASIN, but item {} occurs again ({}:{}).", item,
                          mapping.string(), row.line);
      }
    });
  }

  void offer(const Product& product, Titles& titles) {
    const auto found = by_asin_.find(product.asin);
    if (found == by_asin_.end() || found->second.filled) {
      return;
    }
    found->second.listed = true;
    const std::string title = clean_title(product.title);
    found->second.filled = !title.empty();
    for (const std::int64_t item : found->second.items) {
      if (found->second.filled) {
        titles[item] = title;
      }
    }
  }

  void count(TitleCoverage& coverage) const {
    coverage.unmapped = static_cast<std::int64_t>(unmapped_.size());
    for (const auto& [asin, state] : by_asin_) {
      auto& where = state.filled ? coverage.filled : state.listed ? coverage.blank_title : coverage.unlisted;
      where += static_cast<std::int64_t>(state.items.size());
    }
  }

 private:
  struct State {
    std::vector<std::int64_t> items;
    bool listed = false;
    bool filled = false;
  };

  static void check_asin(const std::string& asin, const fs::path& path, std::int64_t line) {
    const bool holds = !asin.empty() && asin.size() <= 20 && std::ranges::all_of(asin, [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    });
    if (!holds) {
      throw_<DataError>("An ASIN must be 1 to 20 letters and digits, but is `{}` instead ({}:{}).",
                        asin.substr(0, 40), path.string(), line);
    }
  }

  std::set<std::int64_t> unmapped_;
  std::unordered_map<std::string, State> by_asin_;
};

/// A title in the spelling of the titles files: the reader decodes entities, so if the decoded title still
/// contains one, its ampersands are written as entities.
std::string spelled(const std::string& title) {
  if (decode_entities(title) == title) {
    return title;
  }
  std::string text;
  for (const char c : title) {
    text += c == '&' ? "&amp;" : std::string(1, c);
  }
  return text;
}

void write_titles(const fs::path& output, const Titles& known, const Titles& found) {
  Titles all = known;
  for (const auto& [item, title] : found) {
    all[item] = spelled(title);
  }
  FileWriter file(output);
  file.write("item ID,titles\n");
  for (const auto& [item, title] : all) {
    file.write(fmt::format("{},{}\n", item, io::csv_field(title)));
  }
  file.commit();
}

}  // namespace

TitleCoverage complete_titles(const TitleSources& sources,
                              const std::function<void(const std::string&)>& on_bad_line) {
  std::set<std::int64_t> untitled = items_with_bundles(sources.domain);
  const Titles known = read_texts(titles_file(sources.domain));
  TitleCoverage coverage;
  coverage.items = static_cast<std::int64_t>(untitled.size());
  std::erase_if(untitled, [&](std::int64_t item) {
    const auto title = known.find(item);
    return title != known.end() && !clean_title(title->second).empty();
  });
  coverage.titled = coverage.items - static_cast<std::int64_t>(untitled.size());
  Wanted wanted(std::move(untitled), sources.mapping);
  Titles found;
  coverage.metadata = read_metadata(
      sources.metadata, [&](const Product& product) { wanted.offer(product, found); }, on_bad_line);
  if (coverage.metadata.products == 0) {
    throw_<FileError>("{} must have a product in some line, but none of its {} lines is one.",
                      sources.metadata.path.string(), coverage.metadata.bad_lines);
  }
  wanted.count(coverage);
  write_titles(sources.output, known, found);
  return coverage;
}

}  // namespace routedk::bundle

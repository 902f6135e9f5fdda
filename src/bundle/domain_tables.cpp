#include "routedk/bundle/domain_tables.h"

#include "routedk/bundle/plain_text.h"
#include "routedk/core/error.h"
#include "routedk/core/numbers.h"
#include "routedk/io/csv.h"

#include <set>
#include <utility>

namespace routedk::bundle {
namespace {

bool is_id(const std::string& field) {
  return !field.empty() && field.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

std::int64_t parse_id(const std::string& field, const std::filesystem::path& path, std::int64_t line) {
  const auto id = number_in<std::int64_t>(field);
  if (!id) {
    throw_<DataError>("An id must be a 64-bit integer, but is `{}` instead ({}:{}).", field.substr(0, 40),
                      path.string(), line);
  }
  return *id;
}

const IdTable::Group* IdTable::find(std::int64_t key) const {
  const auto found = index.find(key);
  return found == index.end() ? nullptr : &groups[found->second];
}

IdTable read_id_table(const std::filesystem::path& path) {
  IdTable table;
  table.path = path;
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  io::read_csv(
      path, 2,
      [&](const io::CsvRow& row) {
        const std::int64_t key = parse_id(row.fields[0], path, row.line);
        const std::int64_t value = parse_id(row.fields[1], path, row.line);
        if (!seen.emplace(key, value).second) {
          throw_<DataError>("A pair of ids must occur once, but {},{} occurs again ({}:{}).", key, value,
                            path.string(), row.line);
        }
        const auto [place, added] = table.index.emplace(key, table.groups.size());
        if (added) {
          table.groups.push_back({key, {}, {}});
        }
        table.groups[place->second].values.push_back(value);
        table.groups[place->second].lines.push_back(row.line);
      },
      [&](const io::CsvRow& header) {
        if (is_id(header.fields[0]) && is_id(header.fields[1])) {
          throw_<DataError>("A table must begin with a line of column names, but begins with {},{} ({}:{}).",
                            header.fields[0], header.fields[1], path.string(), header.line);
        }
      });
  return table;
}

std::map<std::int64_t, std::string> read_texts(const std::filesystem::path& path) {
  std::map<std::int64_t, std::string> texts;
  io::read_csv(path, 2, [&](const io::CsvRow& row) {
    const std::int64_t id = parse_id(row.fields[0], path, row.line);
    if (!is_utf8(row.fields[1])) {
      throw_<DataError>("The text of id {} must be UTF-8, but is not ({}:{}).", id, path.string(), row.line);
    }
    if (!texts.emplace(id, row.fields[1]).second) {
      throw_<DataError>("An id must occur once, but {} occurs again ({}:{}).", id, path.string(), row.line);
    }
  });
  return texts;
}

std::filesystem::path titles_file(const std::filesystem::path& domain_folder) {
  const auto full = domain_folder / "item_titles_full.csv";
  return std::filesystem::exists(full) ? full : domain_folder / "item_titles.csv";
}

}  // namespace routedk::bundle

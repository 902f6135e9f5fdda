#include "routedk/io/json_field.h"

#include "routedk/core/error.h"
#include "routedk/core/files.h"
#include "routedk/io/parse_json.h"

#include <algorithm>
#include <cmath>

#include <fmt/ranges.h>

namespace routedk::io {
namespace {

constexpr std::size_t kMaxShown = 80;  // characters of a value
constexpr std::size_t kMaxPath = 200;  // characters

std::string shortened(std::string_view text, std::size_t most) {
  return std::string(text.substr(0, most)) + (text.size() > most ? "..." : "");
}

/// "rules, thought or answer"
std::string either(const std::vector<std::string>& names) {
  const auto last = names.end() - 1;
  return names.size() == 1 ? *last : fmt::format("{} or {}", fmt::join(names.begin(), last, ", "), *last);
}

/// The value of a missing member.
template <typename Document>
const Document& missing() {
  static const Document null;
  return null;
}

}  // namespace

template <typename Document>
BasicJsonField<Document>::BasicJsonField(Document document, std::string source)
    : root_(std::make_shared<const Root>(Root{std::move(document), std::move(source)})),
      value_(&root_->document) {}

template <typename Document>
std::string BasicJsonField<Document>::place() const {
  return fmt::format("`{}` in {}", path_, source());
}

template <typename Document>
bool BasicJsonField<Document>::is(std::string_view text) const {
  return value_->is_string() && value_->template get_ref<const std::string&>() == text;
}

template <typename Document>
BasicJsonField<Document> BasicJsonField<Document>::operator[](const std::string& key) const {
  require(value_->is_object(), path_.empty() ? "be a JSON object" : "be an object");
  const auto found = value_->find(key);
  return {root_, found == value_->end() ? missing<Document>() : *found,
          path_.empty() ? key : fmt::format("{}.{}", path_, key)};
}

template <typename Document>
void BasicJsonField<Document>::allow_only(const std::vector<std::string>& keys) const {
  require(value_->is_object(), path_.empty() ? "be a JSON object" : "be an object");
  for (const auto& [key, value] : value_->items()) {
    if (!value.is_null() && std::find(keys.begin(), keys.end(), key) == keys.end()) {
      (*this)[key].refuse(fmt::format("be absent (known are {})", fmt::join(keys, ", ")));
    }
  }
}

template <typename Document>
std::vector<BasicJsonField<Document>> BasicJsonField<Document>::items() const {
  require(absent() || value_->is_array(), "be a list");
  std::vector<BasicJsonField> items;
  items.reserve(value_->size());
  for (const Document& item : *value_) {  // null has no items
    items.push_back({root_, item, fmt::format("{}[{}]", path_, items.size())});
  }
  return items;
}

template <typename Document>
const std::string& BasicJsonField<Document>::text() const {
  require(value_->is_string(), "be a text");
  return value_->template get_ref<const std::string&>();
}

template <typename Document>
std::vector<std::string> BasicJsonField<Document>::texts() const {
  std::vector<std::string> texts;
  for (const BasicJsonField& item : items()) {
    texts.push_back(item.text());
  }
  return texts;
}

template <typename Document>
std::size_t BasicJsonField<Document>::choice(const std::vector<std::string>& names) const {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& name) { return is(name); });
  require(found != names.end(), "be " + either(names));
  return static_cast<std::size_t>(found - names.begin());
}

template <typename Document>
bool BasicJsonField<Document>::boolean(bool if_absent) const {
  require(absent() || value_->is_boolean(), "be true or false");
  return absent() ? if_absent : value_->template get<bool>();
}

template <typename Document>
double BasicJsonField<Document>::real(double least, double most) const {
  const double number = value_->is_number() ? value_->template get<double>() : std::nan("");
  if (!(number >= least && number <= most)) {
    refuse(most < kHighest   ? fmt::format("be a number from {} to {}", least, most)
           : least > kLowest ? fmt::format("be a number of at least {}", least)
                             : "be a number");
  }
  return number;
}

template <typename Document>
void BasicJsonField<Document>::require(bool holds, std::string_view rule) const {
  if (!holds) {
    refuse(rule);
  }
}

template <typename Document>
void BasicJsonField<Document>::refuse(std::string_view rule) const {
  const std::string value = value_ == &missing<Document>()
                                ? "missing"
                                : value_->dump(-1, ' ', true, Document::error_handler_t::replace);
  throw_<FileError>("{} must {}, but is {} instead ({}).",
                    path_.empty() ? "the document" : "`" + shortened(path_, kMaxPath) + "`", rule,
                    shortened(value, kMaxShown), source());
}

template <typename Document>
void BasicJsonField<Document>::refuse_part(std::string_view rule, std::string_view part) const {
  throw_<FileError>("{} must {}, but has `{}` instead ({}).",
                    path_.empty() ? "the document" : "`" + shortened(path_, kMaxPath) + "`", rule,
                    shortened(part, kMaxShown), source());
}

template class BasicJsonField<Json>;
template class BasicJsonField<nlohmann::json>;

JsonField read_json_field(const std::filesystem::path& path) {
  return {parse_json(read_file(path), path.string()), path.string()};
}

void read_records(const std::filesystem::path& path, const OnRecord& on_record) {
  read_jsonl(path, [&](const Json& json, std::int64_t line) {
    on_record({json, fmt::format("{}:{}", path.string(), line)});
  });
}

void read_records(std::istream& in, const std::string& source, const OnRecord& on_record) {
  read_jsonl(in, source, [&](const Json& json, std::int64_t line) {
    on_record({json, fmt::format("{}:{}", source, line)});
  });
}

}  // namespace routedk::io

#include "routedk/io/parse_json.h"

#include "routedk/core/display.h"
#include "routedk/core/error.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace routedk::io {
namespace {

/// Looks at a document before it is built: the result would not show repeated keys, and must not be too deep
/// to be destroyed. (nlohmann's parser with a callback could do both, but takes quadratic time for lists of
/// objects.) Text that is no JSON is left to the parser.
template <typename Document>
class Checks : public nlohmann::json_sax<Document> {
 public:
  using Base = nlohmann::json_sax<Document>;

  Checks(const std::string& source, int most_depth) : source_(source), most_depth_(most_depth) {}

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(typename Base::number_integer_t /*value*/) override { return true; }
  bool number_unsigned(typename Base::number_unsigned_t /*value*/) override { return true; }
  bool number_float(typename Base::number_float_t /*value*/,
                    const typename Base::string_t& /*text*/) override {
    return true;
  }
  bool string(typename Base::string_t& /*text*/) override { return true; }
  bool binary(typename Base::binary_t& /*value*/) override { return true; }
  bool start_object(std::size_t /*elements*/) override { return open(); }
  bool start_array(std::size_t /*elements*/) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(typename Base::string_t& name) override {
    if (!keys_.back().insert(name).second) {
      throw_<FileError>("{} must have each key of an object once, but has `{}` twice.", source_, name);
    }
    return true;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*last*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }

 private:
  bool open() {
    if (std::ssize(keys_) == most_depth_) {
      throw_<FileError>("{} must nest at most {} brackets, but nests more.", source_, most_depth_);
    }
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const std::string& source_;
  std::ptrdiff_t most_depth_;
  std::vector<std::set<std::string>> keys_;  // of the enclosing objects and lists
};

}  // namespace

std::string refusal_of(std::string_view text, const Json::exception& error) {
  const auto* const parsing = dynamic_cast<const Json::parse_error*>(&error);
  if (parsing == nullptr) {
    return "has a number that is out of range";
  }
  constexpr std::size_t kShown = 30;                                   // bytes
  const std::size_t at = std::max<std::size_t>(parsing->byte, 1) - 1;  // the last byte read, from 0
  if (at >= text.size()) {
    return "ends too early";
  }
  const std::string_view before = text.substr(0, at);
  const std::size_t line_begin = before.rfind('\n') + 1;            // npos + 1 is 0
  const bool one_line = text.find('\n') == std::string_view::npos;  // whose number the source's name may have
  const bool other_encoding =
      std::string_view(error.what()).find("ill-formed UTF-8") != std::string_view::npos;
  return fmt::format("is not {}from {}column {} on: `{}`", other_encoding ? "UTF-8 " : "",
                     one_line ? "" : fmt::format("line {}, ", 1 + std::ranges::count(before, '\n')),
                     at - line_begin + 1, displayed(text.substr(at, kShown)));
}

template <typename Document>
Document parse_json(std::string_view text, const std::string& source, int most_depth) {
  Checks<Document> checks(source, most_depth);
  Document::sax_parse(text, &checks);
  try {
    return Document::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw_<FileError>("{} must be JSON, but {}.", source, refusal_of(text, error));
  }
}

template Json parse_json(std::string_view text, const std::string& source, int most_depth);
template nlohmann::json parse_json(std::string_view text, const std::string& source, int most_depth);

}  // namespace routedk::io

#include "routedk/bundle/product_metadata.h"

#include "routedk/bundle/python_literal.h"
#include "routedk/core/error.h"
#include "routedk/core/input_file.h"
#include "routedk/io/line_reader.h"

#include <nlohmann/json.hpp>

namespace routedk::bundle {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kLongestLine = 4 << 20;
constexpr std::size_t kShownOfLine = 80;

/// SAX handler that keeps two strings of the outermost object: no document is built.
class ProductListener : public nlohmann::json_sax<Json> {
 public:
  Product product;
  bool broken = false;
  bool is_object = false;

  bool null() override { return value(); }
  bool boolean(bool /*value*/) override { return value(); }
  bool number_integer(number_integer_t /*value*/) override { return value(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return value(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return value(); }
  bool binary(binary_t& /*value*/) override { return value(); }
  bool string(string_t& text) override {
    if (field_ != nullptr) {
      *field_ = std::move(text);
    }
    return value();
  }
  bool key(string_t& name) override {
    const bool outermost = depth_ == 1;
    field_ = outermost && name == "asin"    ? &product.asin
             : outermost && name == "title" ? &product.title
                                            : nullptr;
    return true;
  }
  bool start_object(std::size_t /*elements*/) override {
    is_object = is_object || depth_ == 0;
    return open();
  }
  bool start_array(std::size_t /*elements*/) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t /*position*/, const std::string& /*last*/,
                   const nlohmann::detail::exception& /*error*/) override {
    broken = true;
    return false;
  }

 private:
  bool value() {
    field_ = nullptr;
    return true;
  }
  bool open() {
    ++depth_;
    return value();
  }
  bool close() {
    --depth_;
    return value();
  }

  std::string* field_ = nullptr;  // where the next value goes, if it is a string
  std::int64_t depth_ = 0;
};

ProductListener heard(std::string_view json) {
  ProductListener listener;
  Json::sax_parse(json.begin(), json.end(), &listener);
  return listener;
}

Product product_of(const io::Line& line) {
  if (!line.whole) {
    throw_<FileError>("A line must have at most {} bytes, but has more", kLongestLine);
  }
  return read_product(line.text);
}

}  // namespace

Product read_product(std::string_view line) {
  ProductListener listener = heard(line);
  if (listener.broken) {
    listener = heard(json_of_python(line));
  }
  if (listener.broken) {
    throw_<FileError>("A line must be JSON or a Python literal, but is neither: `{}`",
                      displayed(line, kShownOfLine));
  }
  if (!listener.is_object || listener.product.asin.empty()) {
    throw_<FileError>("A line must be an object with a text `asin`, but has none");
  }
  return std::move(listener.product);
}

MetadataCounts read_metadata(const MetadataFile& file, const std::function<void(const Product&)>& on_product,
                             const std::function<void(const std::string&)>& on_bad_line) {
  InputFile(file.path).require_at_most(kMostMetadataBytes);
  MetadataCounts counts;
  io::LineReader reader(file.path, kLongestLine);
  while (const auto line = reader.next()) {
    if (line->whole && line->text.find_first_not_of(" \t\r") == std::string_view::npos) {
      continue;
    }
    Product product;
    try {
      product = product_of(*line);
    } catch (const FileError& error) {
      on_bad_line(fmt::format("{} ({}:{}).", error.what(), file.path.string(), line->number));
      if (++counts.bad_lines > file.max_bad_lines) {
        throw_<FileError>("{} must have at most {} lines that are no product, but line {} is one more.",
                          file.path.string(), file.max_bad_lines, line->number);
      }
      continue;
    }
    ++counts.products;
    on_product(product);
  }
  return counts;
}

}  // namespace routedk::bundle

#include "routedk/bundle/answer.h"

#include "routedk/core/error.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace routedk::bundle {
namespace {

/// The K of `<word>K`; nullopt unless K is a plain decimal number of at least 1.
std::optional<int> number_after(std::string_view text, std::string_view word) {
  if (!text.starts_with(word)) {
    return std::nullopt;
  }
  text.remove_prefix(word.size());
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool plain = error == std::errc() && end == text.data() + text.size() && text.front() != '0';
  return plain && number >= 1 ? std::optional(number) : std::nullopt;
}

/// Parses a JSON stream into an answer and stops at the first element that does not fit, so a hostile text
/// can neither nest deeply nor grow large.
class AnswerReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit AnswerReader(int n_products) : n_products_(n_products) {}

  ProductAnswer take() { return std::move(answer_); }

  bool start_object(std::size_t /*elements*/) override { return std::exchange(place_, kObject) == kText; }
  bool key(std::string& name) override {
    const auto number = number_after(name, "bundle");
    return number.has_value() && numbers_.insert(*number).second;
  }
  bool start_array(std::size_t /*elements*/) override {
    answer_.emplace_back();
    return std::exchange(place_, kArray) == kObject;
  }
  bool string(std::string& value) override {
    const auto number = number_after(value, "product");
    if (place_ != kArray || !number.has_value() || *number > n_products_) {
      return false;
    }
    answer_.back().push_back(*number);
    return true;
  }
  bool end_array() override { return std::exchange(place_, kObject) == kArray; }
  bool end_object() override { return true; }

  bool null() override { return false; }
  bool boolean(bool /*value*/) override { return false; }
  bool number_integer(number_integer_t /*value*/) override { return false; }
  bool number_unsigned(number_unsigned_t /*value*/) override { return false; }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return false; }
  bool binary(binary_t& /*value*/) override { return false; }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) override {
    return false;
  }

 private:
  enum Place { kText, kObject, kArray };

  int n_products_;
  Place place_ = kText;
  std::set<int> numbers_;
  ProductAnswer answer_;
};

std::string bundle_text(const ProductBundle& bundle) {
  std::vector<std::string> products;
  products.reserve(bundle.size());
  for (const int product : bundle) {
    products.push_back(fmt::format("\"product{}\"", product));
  }
  return fmt::format("[{}]", fmt::join(products, ", "));
}

int product_number(const Session& session, ItemId item) {
  const auto found = std::ranges::find(session.items, item, &Item::id);
  if (found == session.items.end()) {
    throw_<DataError>("A bundle must hold items of its session, but item {} is not in session {}.", item,
                      session.id);
  }
  return static_cast<int>(found - session.items.begin()) + 1;
}

ItemId item_id(const Session& session, int product) {
  if (product < 1 || static_cast<std::size_t>(product) > session.items.size()) {
    throw_<DataError>("A product number of session {} must be in 1..{}, but is {} instead.", session.id,
                      session.items.size(), product);
  }
  return session.items[static_cast<std::size_t>(product) - 1].id;
}

}  // namespace

ProductAnswer normalised(ProductAnswer answer) {
  for (ProductBundle& bundle : answer) {
    std::ranges::sort(bundle);
    bundle.erase(std::unique(bundle.begin(), bundle.end()), bundle.end());
  }
  std::erase_if(answer, [](const ProductBundle& bundle) { return bundle.size() < 2; });
  std::ranges::sort(answer);
  answer.erase(std::unique(answer.begin(), answer.end()), answer.end());
  if (answer.size() > kMaxBundles) {
    answer.resize(kMaxBundles);
  }
  return answer;
}

std::string canonical_answer(const ProductAnswer& answer) {
  std::vector<std::string> bundles;
  for (const ProductBundle& bundle : normalised(answer)) {
    bundles.push_back(fmt::format("\"bundle{}\": {}", bundles.size() + 1, bundle_text(bundle)));
  }
  return fmt::format("{{{}}}", fmt::join(bundles, ", "));
}

std::optional<ProductAnswer> parse_answer(std::string_view text, int n_products) {
  AnswerReader reader(n_products);
  if (!nlohmann::json::sax_parse(text, &reader)) {
    return std::nullopt;
  }
  return reader.take();
}

ProductAnswer to_products(const Session& session, const Answer& answer) {
  ProductAnswer products;
  products.reserve(answer.size());
  for (const Bundle& bundle : answer) {
    ProductBundle& numbers = products.emplace_back();
    for (const ItemId item : bundle) {
      numbers.push_back(product_number(session, item));
    }
  }
  return products;
}

Answer to_items(const Session& session, const ProductAnswer& answer) {
  Answer items;
  items.reserve(answer.size());
  for (const ProductBundle& bundle : answer) {
    Bundle& ids = items.emplace_back();
    for (const int product : bundle) {
      ids.push_back(item_id(session, product));
    }
  }
  return items;
}

Answer gold_answer(const Session& session) {
  Answer answer;
  answer.reserve(session.gold.size());
  for (const GoldBundle& gold : session.gold) {
    answer.push_back(gold.items);
  }
  return answer;
}

}  // namespace routedk::bundle

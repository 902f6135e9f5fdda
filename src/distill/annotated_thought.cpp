#include "routedk/bundle/answer.h"
#include "routedk/distill/annotation_teacher.h"
#include "routedk/distill/describe.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::distill {
namespace {

using bundle::ProductBundle;
using bundle::Session;

constexpr std::size_t kIntentWords = 12;

std::string short_intent(const std::string& intent) {
  std::istringstream in(intent);
  std::vector<std::string> words;
  for (std::string word; words.size() < kIntentWords && in >> word;) {
    words.push_back(word);
  }
  std::string text = fmt::format("{}", fmt::join(words, " "));
  text.erase(text.find_last_not_of(" .,:;!") + 1);
  return text.empty() ? "One intent" : text;
}

/// "A", "A<between>B", "A<between>B and C", ...
std::string listed(const std::vector<std::string>& names, std::string_view between) {
  std::string text = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) {
    text += i == 1 ? between : i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}

std::vector<std::string> mentioned(const Session& session, const ProductBundle& products, Mentions mentions) {
  std::vector<std::string> names;
  for (const int product : products) {
    names.push_back(mentions == Mentions::kNumbers
                        ? fmt::format("product{}", product)
                        : describe_title(session.items[static_cast<std::size_t>(product) - 1].title));
  }
  return names;
}

}  // namespace

std::string annotated_thought(const Session& session, Mentions mentions) {
  std::vector<std::pair<ProductBundle, std::string>> bundles;
  ProductBundle all;
  const bundle::ProductAnswer gold = bundle::to_products(session, bundle::gold_answer(session));
  for (std::size_t i = 0; i < gold.size(); ++i) {
    bundles.emplace_back(bundle::normalised({gold[i]}).front(), short_intent(session.gold[i].intent));
  }
  std::ranges::sort(bundles);
  for (std::size_t i = 0; i < session.items.size(); ++i) {
    all.push_back(static_cast<int>(i) + 1);
  }
  std::vector<std::string> shown;
  for (std::string& name : mentioned(session, all, Mentions::kDescriptions)) {
    if (std::ranges::find(shown, name) == shown.end()) {
      shown.push_back(std::move(name));
    }
  }
  std::string text = fmt::format("The titles show {}.", fmt::join(shown, ", "));
  for (const auto& [products, intent] : bundles) {
    text += fmt::format("\n{}: {}.", intent, listed(mentioned(session, products, mentions), " with "));
  }
  return text;
}

}  // namespace routedk::distill

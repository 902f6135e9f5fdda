#include "routedk/distill/feedback.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace routedk::distill {
namespace {

using bundle::ProductAnswer;
using bundle::ProductBundle;
using bundle::Session;

/// The wording of each remark: {0} the bundle's name, {1} the products.
const char* wording(FeedbackKind kind) {
  switch (kind) {
    case FeedbackKind::kKeep:
      return "{0} is right: keep it.";
    case FeedbackKind::kRemove:
      return "{0} serves no single intent: remove it.";
    case FeedbackKind::kDropForeign:
      return "{0} holds products of another intent: drop {1}.";
    case FeedbackKind::kAddMissing:
      return "{0} lacks products: add {1}.";
    case FeedbackKind::kSingleItem:
      return "{0} has fewer than two products of this session, which is no bundle.";
    case FeedbackKind::kUnknownProduct:
      break;
  }
  return "{0} names numbers that this session does not have: {1}.";
}

ProductBundle in_both(const ProductBundle& a, const ProductBundle& b) {
  ProductBundle result;
  std::ranges::set_intersection(a, b, std::back_inserter(result));
  return result;
}

ProductBundle only_in(const ProductBundle& a, const ProductBundle& b) {
  ProductBundle result;
  std::ranges::set_difference(a, b, std::back_inserter(result));
  return result;
}

ProductBundle ascending(ProductBundle bundle) {
  std::ranges::sort(bundle);
  bundle.erase(std::unique(bundle.begin(), bundle.end()), bundle.end());
  return bundle;
}

double jaccard(const ProductBundle& a, const ProductBundle& b) {
  const auto both = static_cast<double>(in_both(a, b).size());
  return both / (static_cast<double>(a.size() + b.size()) - both);
}

/// Index of the closest gold bundle; gold.size() if none shares two products with this one.
std::size_t closest(const ProductBundle& bundle, const ProductAnswer& gold) {
  std::size_t best = gold.size();
  for (std::size_t i = 0; i < gold.size(); ++i) {
    const bool close = in_both(bundle, gold[i]).size() >= 2;
    if (close && (best == gold.size() || jaccard(bundle, gold[i]) > jaccard(bundle, gold[best]))) {
      best = i;
    }
  }
  return best;
}

ProductAnswer gold_products(const Session& session) {
  ProductAnswer gold = bundle::to_products(session, bundle::gold_answer(session));
  std::ranges::transform(gold, gold.begin(), ascending);
  return gold;
}

std::string named(int product, const Session& session) {
  const auto index = static_cast<std::size_t>(product) - 1;
  return index < session.items.size() ? fmt::format("product{} ({})", product, session.items[index].title)
                                      : fmt::format("product{}", product);
}

/// Judges bundles one after another and remembers which gold bundles were matched.
class Judge {
 public:
  explicit Judge(const Session& session)
      : products_(session.items.size()), gold_(gold_products(session)), met_(gold_.size(), false) {}

  void bundle(const ProductBundle& proposed) {
    ++number_;
    const ProductBundle all = ascending(proposed);
    const auto first_unknown =
        std::ranges::upper_bound(all, static_cast<int>(products_));  // numbers start at 1
    const ProductBundle known(all.begin(), first_unknown);
    if (first_unknown != all.end()) {
      say(FeedbackKind::kUnknownProduct, {first_unknown, all.end()});
    }
    if (known.size() < 2) {
      say(FeedbackKind::kSingleItem, known);
    } else if (const std::size_t best = closest(known, gold_); best == gold_.size()) {
      say(FeedbackKind::kRemove, known);
    } else {
      met_[best] = true;
      compare(known, gold_[best]);
    }
  }

  std::vector<Feedback> finish() {
    number_ = 0;
    for (std::size_t i = 0; i < gold_.size(); ++i) {
      if (!met_[i]) {
        say(FeedbackKind::kAddMissing, gold_[i]);
      }
    }
    return std::move(feedback_);
  }

 private:
  void compare(const ProductBundle& known, const ProductBundle& gold) {
    if (known == gold) {
      return say(FeedbackKind::kKeep, known);
    }
    if (const ProductBundle foreign = only_in(known, gold); !foreign.empty()) {
      say(FeedbackKind::kDropForeign, foreign);
    }
    if (const ProductBundle missing = only_in(gold, known); !missing.empty()) {
      say(FeedbackKind::kAddMissing, missing);
    }
  }

  void say(FeedbackKind kind, ProductBundle products) {
    feedback_.push_back({kind, number_, std::move(products)});
  }

  std::size_t products_;
  ProductAnswer gold_;
  std::vector<bool> met_;
  int number_ = 0;
  std::vector<Feedback> feedback_;
};

}  // namespace

std::optional<ProductAnswer> proposal_in(std::string_view reply) {
  const std::size_t begin = reply.rfind('{');
  const std::size_t end = reply.find('}', begin);  // an answer is a single object without nested ones
  if (begin == std::string_view::npos || end == std::string_view::npos) {
    return std::nullopt;
  }
  return bundle::parse_answer(reply.substr(begin, end - begin + 1), std::numeric_limits<int>::max());
}

std::vector<Feedback> feedback_on(const ProductAnswer& proposal, const Session& session) {
  Judge judge(session);
  for (const ProductBundle& bundle : proposal) {
    judge.bundle(bundle);
  }
  return judge.finish();
}

bool all_kept(const std::vector<Feedback>& feedback) {
  return std::ranges::all_of(feedback, [](const Feedback& each) { return each.kind == FeedbackKind::kKeep; });
}

std::string feedback_text(const std::vector<Feedback>& feedback, const Session& session) {
  std::vector<std::string> lines;
  for (const Feedback& each : feedback) {
    std::vector<std::string> products;
    for (const int product : each.products) {
      products.push_back(named(product, session));
    }
    const std::string bundle =
        each.bundle == 0 ? "A bundle is not there; it" : fmt::format("bundle{}", each.bundle);
    lines.push_back(fmt::format(fmt::runtime(wording(each.kind)), bundle, fmt::join(products, " and ")));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

}  // namespace routedk::distill

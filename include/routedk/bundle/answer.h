/// The answer a model writes: its canonical form, the strict parser, and the way to and from item ids.
#pragma once

#include "routedk/bundle/session.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::bundle {

/// An answer says at most this many bundles.
inline constexpr int kMaxBundles = 8;
/// A session shows at most this many products.
inline constexpr int kMaxProducts = 10;

/// Product numbers of one bundle; number n, from 1, is the session's items[n - 1].
using ProductBundle = std::vector<int>;
using ProductAnswer = std::vector<ProductBundle>;

/// The canonical answer with the same meaning: products ascending and distinct, bundles of fewer than two
/// products left out, bundles ascending by their product lists, none twice, the first kMaxBundles kept.
/// Two candidates agree in a vote when this is equal.
ProductAnswer normalised(ProductAnswer answer);

/// The canonical text of normalised(answer): `{"bundle1": ["product1", "product3"], "bundle2": [...]}`; `{}`
/// when no bundle is left.
std::string canonical_answer(const ProductAnswer& answer);

/// Reads an answer about `n_products` products as it was written: nothing is sorted, repeats and bundles of
/// fewer than two products stay. Unparsed (nullopt) is any text that is not exactly one JSON object, white
/// space around it aside, whose keys are `bundleK` (K >= 1, no key twice) and whose values are arrays of
/// strings `productN` (1 <= N <= n_products); numbers have no sign and no leading zero.
std::optional<ProductAnswer> parse_answer(std::string_view text, int n_products);

/// Item ids -> product numbers of the session (the first position where an item occurs twice). DataError
/// names an item that the session does not hold.
ProductAnswer to_products(const Session& session, const Answer& answer);

/// Product numbers -> item ids. DataError names a number outside 1..items.
Answer to_items(const Session& session, const ProductAnswer& answer);

/// The session's gold bundles as an answer in item ids, in their order.
Answer gold_answer(const Session& session);

}  // namespace routedk::bundle

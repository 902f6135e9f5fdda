/// The answer a model writes: its canonical form, the strict parser, and the way to and from item ids.
#pragma once

#include "routedk/bundle/session.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace routedk::bundle {

/// The most bundles in an answer.
inline constexpr int kMaxBundles = 8;
/// The most products in a session.
inline constexpr int kMaxProducts = 10;

/// Product numbers of one bundle; number n, counted from 1, is the session's items[n - 1].
using ProductBundle = std::vector<int>;
using ProductAnswer = std::vector<ProductBundle>;

/// The canonical answer with the same meaning: products ascending and distinct, bundles of fewer than two
/// products dropped, bundles ascending by their product lists, without duplicates, the first kMaxBundles
/// kept. Candidates with equal results agree in a vote.
ProductAnswer normalised(ProductAnswer answer);

/// The canonical text of normalised(answer): `{"bundle1": ["product1", "product3"], "bundle2": [...]}`; `{}`
/// if no bundle remains.
std::string canonical_answer(const ProductAnswer& answer);

/// Parses an answer about `n_products` products as written: without sorting; repeats and bundles of fewer
/// than two products stay. Unparsed (nullopt) is any text that is not exactly one JSON object, optionally
/// surrounded by white space, whose keys are `bundleK` (K >= 1, no key twice) and whose values are arrays of
/// strings `productN` (1 <= N <= n_products); numbers have no sign and no leading zero.
std::optional<ProductAnswer> parse_answer(std::string_view text, int n_products);

/// Item ids -> product numbers of the session (the first position of an item that occurs twice). DataError
/// names an item that is not in the session.
ProductAnswer to_products(const Session& session, const Answer& answer);

/// Product numbers -> item ids. DataError names a number outside 1..number of items.
Answer to_items(const Session& session, const ProductAnswer& answer);

/// The session's gold bundles, in their order, as an answer in item ids.
Answer gold_answer(const Session& session);

}  // namespace routedk::bundle

#include "routedk/workflow/experiment/teacher_config.h"

#include "routedk/core/error.h"
#include "routedk/distill/endpoint_model.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>

namespace routedk::workflow {
namespace {

constexpr std::size_t kLongestWord = 19;  // longest run of letters and digits that is not taken for a key

bool is_word_byte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// Whether the text has 20 consecutive letters and digits, with both among them.
bool holds_random_word(std::string_view text) {
  while (!text.empty()) {
    const auto end = std::ranges::find_if_not(text, is_word_byte);
    const std::string_view word(text.data(), static_cast<std::size_t>(end - text.begin()));
    const auto digits =
        std::ranges::count_if(word, [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
    if (word.size() > kLongestWord && digits > 0 && std::cmp_less(digits, word.size())) {
      return true;
    }
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return false;
}

/// Whether it looks like an environment variable's name rather than the key itself.
bool is_variable_name(const std::string& name) {
  const bool plain = std::ranges::all_of(name, [](char c) { return is_word_byte(c) || c == '_'; });
  return plain && !holds_random_word(name) &&
         (name.empty() || std::isdigit(static_cast<unsigned char>(name.front())) == 0);
}

/// Whether a request member with this name or text may be a secret.
bool may_be_secret(const ConfigNode& node) {
  static constexpr std::array<std::string_view, 7> kSecret = {
      "api_key", "apikey", "api-key", "authorization", "password", "secret", "access_token"};
  std::string name = node.name;
  std::ranges::transform(name, name.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::find(kSecret, name) != kSecret.end() || holds_random_word(node.text) ||
         std::ranges::any_of(node.children, may_be_secret);
}

}  // namespace

void TeacherConfig::validate(std::vector<std::string>& problems) const {
  if (kind == distill::TeacherKind::kEndpoint && (endpoint.url.empty() || model.empty())) {
    problems.emplace_back(
        "`endpoint.url` and `model` must be given where `kind` is endpoint, but one is empty.");
  }
  if (!is_variable_name(endpoint.key_variable)) {  // not shown: it may be the key itself
    problems.emplace_back(
        "`endpoint.key_variable` must be the name of an environment variable (letters, digits and _), but is "
        "not.");
  }
  if (may_be_secret(endpoint.parameters.root)) {
    problems.emplace_back(
        "`endpoint.parameters` must hold no secret, but has a possible one: put the key in the environment "
        "variable that `endpoint.key_variable` names.");
  }
  if (!endpoint.url.empty()) {
    try {
      distill::check_url(endpoint.url);
    } catch (const ConfigError& error) {
      problems.emplace_back(error.what());
    }
  }
  if (budget.cost > 0.0 && budget.prompt_price + budget.completion_price == 0.0) {
    problems.emplace_back("`budget.cost` must come with a price, but both prices are 0.");
  }
}

TeacherConfig text_settings(TeacherConfig settings) {
  const TeacherConfig defaults;
  const ConfigTree parameters = settings.endpoint.parameters;
  settings.endpoint = defaults.endpoint;
  settings.endpoint.parameters = parameters;
  settings.budget = defaults.budget;
  settings.retries = defaults.retries;
  settings.batch = defaults.batch;
  settings.held_out = defaults.held_out;
  return settings;
}

}  // namespace routedk::workflow

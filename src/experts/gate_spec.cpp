#include "routedk/experts/gate_spec.h"

#include "routedk/core/error.h"
#include "routedk/core/numbers.h"

#include <algorithm>
#include <array>
#include <optional>

namespace routedk::experts {
namespace {

struct Form {
  GateKind kind;
  std::string_view word;
  std::string_view argument;  ///< after the colon; empty: none
  std::string_view rule;      ///< for the argument, in "must have ..."
};

constexpr auto kForms = std::to_array<Form>({
    {GateKind::kBackbone, "backbone", "", ""},
    {GateKind::kAverage, "average", "", ""},
    {GateKind::kDynamic, "dynamic", "", ""},
    {GateKind::kStatic, "static", "", ""},
    {GateKind::kTies, "ties", "DENSITY[:RANK]", "a density from 0 to 1 and, if any, a rank of at least 1"},
    {GateKind::kTiesFactors, "ties_factors", "DENSITY", "no rank and a density from 0 to 1"},
    {GateKind::kTopK, "top_k", "N", "a number of experts of at least 1"},
    {GateKind::kThreshold, "threshold", "SHARE", "a share from 0 to 1"},
    {GateKind::kAblate, "ablate", "NAME", "an expert's name"},
    {GateKind::kRandomRouter, "random_router", "", ""},
    {GateKind::kRouter, "router", "FOLDER", "a folder"},
    {GateKind::kOneHot, "one-hot", "I", "an expert's number from 0"},
    {GateKind::kEnsemble, "ensemble", "", ""},
    {GateKind::kRandomExperts, "random_experts", "", ""},
    {GateKind::kOneLoraOnRouterData, "one_lora_on_router_data", "", ""},
    {GateKind::kPermuted, "permuted", "", ""},
    {GateKind::kItemsets, "itemsets", "", ""},
    {GateKind::kRelatedGroups, "related_groups", "", ""},
    {GateKind::kTeacher, "teacher", "", ""},
    {GateKind::kPredictions, "predictions", "FILE", "a file"},
});

std::string describe(const Form& form) {
  return fmt::format("{}{}{}", form.word, form.argument.empty() ? "" : ":", form.argument);
}

bool read_share(std::string_view text, GateSpec& spec) {
  const auto share = number_in<double>(text);
  spec.share = share.value_or(0.0);
  return share && *share >= 0.0 && *share <= 1.0;
}

bool read_number(std::string_view text, std::int64_t low, GateSpec& spec) {
  const auto number = number_in<std::int64_t>(text);
  spec.number = number.value_or(0);
  return number && *number >= low;
}

bool read_ties(std::string_view text, GateSpec& spec) {
  const std::size_t colon = text.find(':');
  const bool ranked = colon != std::string_view::npos;
  return read_share(text.substr(0, colon), spec) && (!ranked || read_number(text.substr(colon + 1), 1, spec));
}

bool read_name(std::string_view text, GateSpec& spec) {
  spec.name = text;
  return !text.empty();
}

/// Whether the text after the colon satisfies the form's rule.
bool read_argument(std::string_view text, GateSpec& spec) {
  switch (spec.kind) {
    case GateKind::kTies:
      return read_ties(text, spec);
    case GateKind::kTiesFactors:
    case GateKind::kThreshold:
      return read_share(text, spec);
    case GateKind::kTopK:
      return read_number(text, 1, spec);
    case GateKind::kOneHot:
      return read_number(text, 0, spec);
    case GateKind::kAblate:
    case GateKind::kRouter:
    case GateKind::kPredictions:
    case GateKind::kNamed:
      return read_name(text, spec);
    case GateKind::kBackbone:
    case GateKind::kAverage:
    case GateKind::kDynamic:
    case GateKind::kStatic:
    case GateKind::kEnsemble:
    case GateKind::kRandomExperts:
    case GateKind::kOneLoraOnRouterData:
    case GateKind::kRandomRouter:
    case GateKind::kPermuted:
    case GateKind::kItemsets:
    case GateKind::kRelatedGroups:
    case GateKind::kTeacher:
      break;
  }
  return true;
}

std::string argument_of(const GateSpec& spec) {
  switch (spec.kind) {
    case GateKind::kTies:
      return spec.number == 0 ? fmt::format("{}", spec.share) : fmt::format("{}:{}", spec.share, spec.number);
    case GateKind::kTiesFactors:
    case GateKind::kThreshold:
      return fmt::format("{}", spec.share);
    case GateKind::kTopK:
    case GateKind::kOneHot:
      return fmt::format("{}", spec.number);
    case GateKind::kAblate:
    case GateKind::kRouter:
    case GateKind::kPredictions:
    case GateKind::kNamed:
      return spec.name;
    case GateKind::kBackbone:
    case GateKind::kAverage:
    case GateKind::kDynamic:
    case GateKind::kStatic:
    case GateKind::kEnsemble:
    case GateKind::kRandomExperts:
    case GateKind::kOneLoraOnRouterData:
    case GateKind::kRandomRouter:
    case GateKind::kPermuted:
    case GateKind::kItemsets:
    case GateKind::kRelatedGroups:
    case GateKind::kTeacher:
      break;
  }
  return {};
}

}  // namespace

GateSpec parse_gate_spec(const std::string& text) {
  const std::string_view all = text;
  const std::size_t colon = all.find(':');
  const bool has_argument = colon != std::string_view::npos;
  const auto form = std::ranges::find_if(kForms, [&](const Form& each) {
    return each.word == all.substr(0, colon) && each.argument.empty() != has_argument;
  });
  if (form == kForms.end()) {
    return {.kind = GateKind::kNamed, .name = text};
  }
  GateSpec spec{.kind = form->kind};
  if (has_argument && !read_argument(all.substr(colon + 1), spec)) {
    throw_<ConfigError>("a gate of the form {} must have {}, but is `{}` instead", describe(*form),
                        form->rule, text);
  }
  return spec;
}

std::string to_string(const GateSpec& spec) {
  const auto form = std::ranges::find(kForms, spec.kind, &Form::kind);
  if (form == kForms.end()) {
    return spec.name;
  }
  const std::string argument = argument_of(spec);
  return fmt::format("{}{}{}", form->word, argument.empty() ? "" : ":", argument);
}

bool takes_router(GateKind kind) noexcept {
  return kind == GateKind::kDynamic || kind == GateKind::kStatic || kind == GateKind::kTopK ||
         kind == GateKind::kThreshold || kind == GateKind::kAblate || kind == GateKind::kRandomRouter;
}

bool merges(GateKind kind) noexcept {
  return kind == GateKind::kTies || kind == GateKind::kTiesFactors;
}

bool is_trained_control(GateKind kind) noexcept {
  return kind == GateKind::kRandomExperts || kind == GateKind::kOneLoraOnRouterData;
}

bool needs_no_model(GateKind kind) noexcept {
  return kind == GateKind::kPredictions || kind == GateKind::kItemsets || kind == GateKind::kRelatedGroups ||
         kind == GateKind::kTeacher;
}

bool weighs_given_experts(GateKind kind) noexcept {
  return !takes_router(kind) && !is_trained_control(kind) && kind != GateKind::kPermuted &&
         !needs_no_model(kind);
}

std::vector<std::string> gate_words() {
  std::vector<std::string> words(kForms.size());
  std::ranges::transform(kForms, words.begin(), [](const Form& form) { return std::string(form.word); });
  return words;
}

std::string gate_forms(bool (*are_meant)(GateKind)) {
  std::string forms;
  for (const Form& form : kForms) {
    if (are_meant == nullptr || are_meant(form.kind)) {
      forms += (forms.empty() ? "" : ", ") + describe(form);
    }
  }
  return forms;
}

}  // namespace routedk::experts

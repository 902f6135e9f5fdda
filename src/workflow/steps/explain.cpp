#include "explain.h"

#include "routedk/core/error.h"
#include "routedk/eval/preference.h"
#include "routedk/eval/session_traits.h"
#include "routedk/io/json_field.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace routedk::workflow {
namespace {

constexpr auto kF1 = bundle::Metric::kF1;

/// Splits VARIANT/RESULT; without variants, the first part is empty.
std::pair<std::string, std::string> parted(const Study& study, const std::string& name) {
  const std::size_t slash = study.points.front().variant.empty() ? std::string::npos : name.find('/');
  return slash == std::string::npos ? std::pair(std::string(), name)
                                    : std::pair(name.substr(0, slash), name.substr(slash + 1));
}

/// Data of the experiments that `a` comes from in the domain, concatenated in the order of its runs.
struct Rows {
  std::vector<std::vector<double>> traits;  // [n][P]
  std::vector<std::int64_t> sessions;       // [n]
};

/// One number per session.
std::vector<double> reals_of(const io::JsonField& list, std::size_t sessions) {
  const auto items = list.items();
  list.require(items.size() == sessions, fmt::format("be a list of {} numbers, one a session", sessions));
  std::vector<double> reals;
  std::transform(items.begin(), items.end(), std::back_inserter(reals),
                 [](const io::JsonField& item) { return item.real(); });
  return reals;
}

Rows rows_of(const Study& study, PointExperiments experiments, const std::string& a,
             const std::string& domain) {
  const auto [variant, result] = parted(study, a);
  const std::string system = result.substr(0, result.find(' '));
  Rows rows;
  for (std::size_t i = 0; i < study.points.size(); ++i) {
    if (study.points[i].variant != variant || study.points[i].config.data.domain != domain) {
      continue;
    }
    const io::JsonField json =
        io::read_json_field(experiments[i]->step_folder({StepKind::kEvaluate}) / "sessions.json");
    const auto sessions = json["sessions"].items();
    std::vector<std::vector<double>> columns;  // [P][n]
    columns.reserve(std::size(eval::kTraitNames) + 1);
    for (const std::string_view name : eval::kTraitNames) {
      columns.push_back(reals_of(json["traits"][std::string(name)], sessions.size()));
    }
    const io::JsonField entropy = json["alpha_entropy"][system];
    columns.push_back(entropy.absent() ? std::vector<double>(sessions.size())
                                       : reals_of(entropy, sessions.size()));
    for (std::size_t s = 0; s < sessions.size(); ++s) {
      rows.sessions.push_back(sessions[s].integer());
      auto& row = rows.traits.emplace_back();
      for (const std::vector<double>& column : columns) {
        row.push_back(column[s]);
      }
    }
  }
  return rows;
}

std::vector<double> gains_of(const bundle::Runs& a, const bundle::Runs& b) {
  std::vector<double> gains;
  for (std::size_t run = 0; run < a.size(); ++run) {
    const auto& other = b[run % b.size()];  // a baseline has one run
    for (std::size_t s = 0; s < a[run].size(); ++s) {
      gains.push_back(a[run][s].numerator[kF1] - other[s].numerator[kF1]);
    }
  }
  return gains;
}

io::Json to_json(const eval::Preference& found) {
  io::Json coefficients = io::Json::object();
  for (std::size_t p = 0; p < found.coefficients.size(); ++p) {
    const bool own = p < eval::kTraitNames.size();
    coefficients[own ? std::string(eval::kTraitNames[p]) : "alpha_entropy"] = found.coefficients[p];
  }
  return {{"decided", found.decided},   {"share_a_better", found.share_a_better},
          {"commoner", found.commoner}, {"accuracy", found.accuracy},
          {"auc", found.auc},           {"coefficients", std::move(coefficients)}};
}

}  // namespace

io::Json explained(const Study& study, PointExperiments experiments, const StudyResults& results) {
  io::Json all = io::Json::array();
  for (const ComparisonConfig& pair : study.config.compare) {
    for (const std::string& domain : results.domains) {
      const auto& a = results.runs.at(pair.a);
      const auto& b = results.runs.at(pair.b);
      if (!pair.explain || !a.contains(domain) || !b.contains(domain)) {
        continue;
      }
      const std::vector<double> gains = gains_of(a.at(domain), b.at(domain));
      const Rows rows = rows_of(study, experiments, pair.a, domain);
      if (rows.sessions.size() != gains.size()) {
        throw_<FileError>(
            "sessions.json must name the {} sessions that scores.json scores, but names {} ({}).",
            gains.size(), rows.sessions.size(), study.folder.string());
      }
      io::Json one = to_json(eval::preference_of(gains, rows.traits, rows.sessions));
      one.update({{"a", pair.a}, {"b", pair.b}, {"domain", domain}, {"sessions", gains.size()}});
      all.push_back(std::move(one));
    }
  }
  return all;
}

}  // namespace routedk::workflow

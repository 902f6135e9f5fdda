#include "routedk/workflow/data/check_data.h"

#include "routedk/bundle/checksums.h"
#include "routedk/bundle/data_check.h"
#include "routedk/bundle/dataset.h"
#include "routedk/core/error.h"

#include <vector>

#include <fmt/ranges.h>

namespace routedk::workflow {

void check_data(const CheckDataOptions& options, std::ostream& out) {
  auto domains = bundle::list_domains(options.data_dir);
  if (!options.domain.empty()) {
    bundle::domain_folder(options.data_dir, options.domain);  // throws if there is no such domain
    domains = {options.domain};
  }
  if (domains.empty()) {
    throw_<DataError>("The data folder must hold a domain with a session_item.csv, but {} has none.",
                      options.data_dir.string());
  }
  bundle::Findings findings = bundle::check_checksums(options.data_dir, domains);
  const bundle::SplitCounts split = bundle::check_split_file(options.data_dir, findings);
  for (const std::string& domain : domains) {
    findings.add(bundle::check_domain(options.data_dir / domain, split));
  }
  if (options.json) {
    io::Json report = {{"domains", domains}};
    report.update(findings.to_json());
    out << report.dump(2, ' ', false, io::Json::error_handler_t::replace) << '\n';
  } else {
    out << fmt::format("{}\n", fmt::join(domains, ", ")) << findings.to_text();
  }
  if (const auto errors = findings.count(bundle::Severity::kError); errors > 0) {
    throw_<DataError>("The data must be without errors, but have {} ({}).", counted(errors, "error"),
                      options.data_dir.string());
  }
}

}  // namespace routedk::workflow

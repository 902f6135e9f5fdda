/// The links in a run folder's `steps`: NAME -> STORE/<kind>/<key>.
#pragma once

#include "routedk/workflow/experiment/step.h"

#include <filesystem>
#include <map>
#include <string>

namespace routedk::workflow {

/// The key of the step that a link names; "" if there is no link.
std::string linked_key(const std::filesystem::path& link);

/// The links, by name, of the steps that read, themselves or through their inputs, a step of the name of
/// `now` that is another one. Links to steps that were removed from the store are left out. FileError.
std::map<std::string, StepId> outdated_links(const std::filesystem::path& steps, const Step& now);

/// Removes a link; what is no link, or not there, stays as it is.
void remove_link(const std::filesystem::path& place);

}  // namespace routedk::workflow

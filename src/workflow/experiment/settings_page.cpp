#include "routedk/workflow/experiment/settings_page.h"

#include "routedk/core/settings_reference.h"
#include "routedk/workflow/experiment/experiment_config.h"
#include "routedk/workflow/experiment/setting_versions.h"
#include "routedk/workflow/experiment/study.h"

namespace routedk::workflow {
namespace {

constexpr const char* kSettingsHead = R"(# Settings

    routedk-run CONFIG.yaml --set train.epochs=5 --set 'eval.samples=[4, 8]'     # change some
    routedk-run CONFIG.yaml --dump-config       # the effective settings, as a YAML file
    routedk-run --settings                      # this page

Every program that takes an experiment's YAML reads these settings. A file holds only what differs from
the defaults; `extends: other.yaml` takes all others from another file. `size` chooses one of the file's
`sizes`, and `studies` lists other files ([experiments.md](experiments.md#writing-one)). A value out of
range is refused with the setting's name, its range and its line. Settings of a list's entries are
written `list[].name`.

This page is generated from the source; a test checks that it is current.

)";

constexpr const char* kSettingsEnd = R"(## What can go wrong

| it says | do |
|---|---|
| a key is unknown | the message names it and its line; look for the name on this page |
| `must be ..., but is ... instead` | the message states the range; text such as `yes` or `1e` is not a number |
| a path does not exist | input paths are relative to the YAML file, those of `--set` to the working directory; `~` is not expanded |
)";

}  // namespace

std::string settings_page() {
  return kSettingsHead + settings_markdown(setting_groups<ExperimentConfig>(), setting_since) +
         settings_markdown(
             setting_groups<StudyConfig>("study", "a question: which experiments, and what is compared"),
             setting_since) +
         kSettingsEnd;
}

}  // namespace routedk::workflow

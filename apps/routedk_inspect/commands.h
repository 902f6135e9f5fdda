/// The subcommands of routedk-inspect, one file each.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace routedk::apps {

/// The chosen subcommand, to be run after parsing.
using Chosen = std::function<void()>;

void add_tokenize(CLI::App& app, Chosen& chosen);
void add_logits(CLI::App& app, Chosen& chosen);
void add_model(CLI::App& app, Chosen& chosen);
void add_quantize(CLI::App& app, Chosen& chosen);
void add_adapter(CLI::App& app, Chosen& chosen);
void add_router(CLI::App& app, Chosen& chosen);
void add_checkpoint(CLI::App& app, Chosen& chosen);
void add_merge(CLI::App& app, Chosen& chosen);
void add_export(CLI::App& app, Chosen& chosen);

}  // namespace routedk::apps

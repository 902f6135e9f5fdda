/// Output of the inspections: a configuration and tensors, as JSON or as text.
#pragma once

#include "routedk/io/jsonl.h"

#include <filesystem>
#include <ostream>

namespace routedk::workflow {

struct DescribedFolder {
  std::filesystem::path path;
  const char* config;   ///< name of the JSON file in it
  const char* tensors;  ///< name of the safetensors file in it
};

/// {"path", "config", "parameters", "bytes", "tensors": [...]} as in workflow/inspect/inspect.h; holds one
/// tensor in memory at a time. FileError.
io::Json describe_folder(const DescribedFolder& folder);

/// "key value" lines of what `config` gives (not null or empty), `parameters` and `bytes`, then a blank line.
void print_summary(const io::Json& found, std::ostream& out);

struct ColumnWidths {
  std::size_t name, type, shape;
};

/// A table of [{"name", "type", "shape", "bytes", "norm"}], one tensor per line.
void print_tensors(const io::Json& tensors, const ColumnWidths& widths, std::ostream& out);

/// One JSON line, or the summary and the table.
void print_description(const io::Json& found, bool json, std::ostream& out);

}  // namespace routedk::workflow

/// A JSON file and the tensors beside it, as one object or as text.
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

/// {"path", "config", "parameters", "bytes", "tensors": [...]} of workflow/inspect.h; one tensor in memory at
/// a time. FileError.
io::Json describe_folder(const DescribedFolder& folder);

/// One JSON line, or "key value" lines and a table.
void print_description(const io::Json& found, bool json, std::ostream& out);

}  // namespace routedk::workflow

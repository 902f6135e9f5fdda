#pragma once

#include "routedk/io/gguf.h"

#include <string>

#include "gguf_cursor.h"

namespace routedk::io {

/// Reads the type and value of one metadata key. FileError names the key.
GgufValue read_gguf_value(GgufCursor& cursor, const std::string& key);

}  // namespace routedk::io

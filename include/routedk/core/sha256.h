/// SHA-256 (FIPS 180-4).
#pragma once

#include <string>
#include <string_view>

namespace routedk {

/// The digest as 64 lower-case hexadecimal digits, as sha256sum prints it.
std::string sha256_hex(std::string_view bytes);

}  // namespace routedk

/// The CPU's own instructions.
#pragma once

// g++ 12 calls its own AVX-512 intrinsics' undefined operands uninitialised (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

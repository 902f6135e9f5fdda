/// How loops that vectors should take are compiled.
#pragma once

/// For several instruction sets; the widest version that the CPU has is chosen when the program starts.
#define ROUTEDK_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
/// Into each of those versions.
#define ROUTEDK_INLINE __attribute__((always_inline)) inline

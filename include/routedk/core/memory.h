/// This process's memory, according to the kernel.
#pragma once

namespace routedk {

/// Resident memory in MiB, including mapped files; 0 if /proc is missing.
double resident_memory_mib();
/// Peak resident memory in MiB.
double peak_memory_mib();

}  // namespace routedk

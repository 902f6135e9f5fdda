/// This process's memory, as the kernel counts it.
#pragma once

namespace routedk {

/// MiB in use now (resident pages, mapped files among them); 0 where /proc is missing.
double resident_memory_mib();
/// The most MiB ever in use.
double peak_memory_mib();

}  // namespace routedk

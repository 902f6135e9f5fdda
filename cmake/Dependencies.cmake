# Every outside library, found as an imported target. Pins and package names: third_party/.
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(SENTENCEPIECE REQUIRED IMPORTED_TARGET sentencepiece)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.85)
include(LibCsv)
include(LibTorch)
if(ROUTEDK_CUDA)
  file(REAL_PATH ${ROUTEDK_TORCH_ROOT} _torch)  # .deps/torch is a link
  find_path(ROUTEDK_NCCL_INCLUDE nccl.h HINTS ${_torch}/../nvidia/nccl/include NO_DEFAULT_PATH
            DOC "NCCL's headers, for sums of gradients on GPUs")
endif()
find_path(ROUTEDK_GLOO_INCLUDE gloo/algorithm.h DOC "Gloo's headers, for training in several processes")

# The kernels of src/kernels/cuda, compiled by nvcc: routedk_cuda_kernels, objects that routedk_kernels
# includes.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES "80-real;89-real;90a-real")
endif()
# The nvcc from scripts/setup --cuda, unless the caller specifies one.
file(REAL_PATH ${ROUTEDK_TORCH_ROOT} _torch)
cmake_path(APPEND_STRING _torch /../nvidia/cu13/bin/nvcc OUTPUT_VARIABLE _nvcc)
cmake_path(NORMAL_PATH _nvcc)
if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX} AND EXISTS ${_nvcc})
  set(CMAKE_CUDA_COMPILER ${_nvcc})
endif()
enable_language(CUDA)
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)  # unknown to CMake 3.25, but supported by nvcc
file(GLOB _cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/kernels/cuda/*.cu)
add_library(routedk_cuda_kernels OBJECT ${_cuda_sources})
target_include_directories(routedk_cuda_kernels PRIVATE ${PROJECT_SOURCE_DIR}/include)
# fmt 9 assumes that nvcc lacks constexpr.
target_compile_options(routedk_cuda_kernels PRIVATE --expt-relaxed-constexpr -DFMT_USE_CONSTEXPR=1 -lineinfo)
set_target_properties(routedk_cuda_kernels PROPERTIES POSITION_INDEPENDENT_CODE ON)

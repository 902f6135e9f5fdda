# Torch::cpu: the user's own LibTorch from Torch_DIR or CMAKE_PREFIX_PATH (CMake variables or environment),
# otherwise the one that scripts/setup installs in .deps/torch. The CMake package of the PyPI wheel fails
# without a CUDA toolkit, so the target is created from the folder. With ROUTEDK_CUDA it includes LibTorch's
# CUDA libraries.
set(ROUTEDK_TORCH_DEFAULT_ROOT ${CMAKE_CURRENT_LIST_DIR}/../.deps/torch CACHE PATH
    "LibTorch's folder where neither Torch_DIR nor CMAKE_PREFIX_PATH leads to one")
find_library(_torch_library torch_cpu NO_CACHE
             HINTS ${Torch_DIR} $ENV{Torch_DIR} PATHS ${ROUTEDK_TORCH_DEFAULT_ROOT}
             PATH_SUFFIXES lib ../../lib ../../../lib
             NO_SYSTEM_ENVIRONMENT_PATH NO_CMAKE_SYSTEM_PATH)
if(NOT _torch_library)
  message(FATAL_ERROR "LibTorch must be set up, but no libtorch_cpu.so is below '${ROUTEDK_TORCH_DEFAULT_ROOT}': "
                      "run scripts/setup, or give Torch_DIR")
endif()
get_filename_component(ROUTEDK_TORCH_ROOT ${_torch_library}/../.. ABSOLUTE)
message(STATUS "LibTorch: ${ROUTEDK_TORCH_ROOT}")

if(NOT TARGET Torch::cpu)
  file(GLOB _gomp ${ROUTEDK_TORCH_ROOT}/lib/libgomp*.so.1 ${ROUTEDK_TORCH_ROOT}/../torch.libs/libgomp*.so*)
  add_library(Torch::cpu INTERFACE IMPORTED)
  # After the system's headers: the wheel includes copies of other libraries (such as fmt) that are newer than
  # those our dependencies were built with.
  target_compile_options(Torch::cpu INTERFACE
    "SHELL:-idirafter ${ROUTEDK_TORCH_ROOT}/include"
    "SHELL:-idirafter ${ROUTEDK_TORCH_ROOT}/include/torch/csrc/api/include")
  target_link_libraries(Torch::cpu INTERFACE ${_torch_library} ${ROUTEDK_TORCH_ROOT}/lib/libc10.so ${_gomp})
  # at::parallel_for is an inline template that is serial in units built without OpenMP.
  target_compile_options(Torch::cpu INTERFACE -fopenmp)
  if(ROUTEDK_CUDA)
    foreach(_name torch_cuda c10_cuda)
      if(NOT EXISTS ${ROUTEDK_TORCH_ROOT}/lib/lib${_name}.so)
        message(FATAL_ERROR "ROUTEDK_CUDA needs LibTorch with CUDA, but ${ROUTEDK_TORCH_ROOT}/lib has no "
                            "lib${_name}.so: run scripts/setup --cuda")
      endif()
      # Its kernels register themselves when loaded: no symbol references the library.
      target_link_options(Torch::cpu INTERFACE
        "LINKER:--push-state,--no-as-needed,${ROUTEDK_TORCH_ROOT}/lib/lib${_name}.so,--pop-state")
    endforeach()
    find_package(CUDAToolkit 12 REQUIRED)
    target_link_libraries(Torch::cpu INTERFACE $<TARGET_FILE:CUDA::cudart>)
    # They find each other at load time, but the linker needs their location.
    file(GLOB _nvidia ${ROUTEDK_TORCH_ROOT}/../nvidia/*/lib)
    list(TRANSFORM _nvidia PREPEND "LINKER:-rpath-link,")
    target_link_options(Torch::cpu INTERFACE ${_nvidia})
  endif()
endif()

# Compile options of all our targets: warnings, sanitizers, unity builds, precompiled headers.
function(routedk_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wno-unknown-pragmas)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # g++ 12 warns about its own std::string at -O3 (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(ROUTEDK_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

# With ROUTEDK_UNITY the sources of a folder form one unit, which parses LibTorch's headers once. Kernels
# (folders `cpu`) are compiled separately: each has its own macros, and they take long to optimise.
function(routedk_unity target)
  get_target_property(sources ${target} SOURCES)
  foreach(source ${sources})
    get_filename_component(folder ${source} DIRECTORY)
    get_filename_component(name ${folder} NAME)
    if(name STREQUAL cpu)
      set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    else()
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${name})
    endif()
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
  routedk_join_sources(${target})
endfunction()

# The same for tests, in units of eight sources.
function(routedk_test_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE BATCH UNITY_BUILD_BATCH_SIZE 8)
  routedk_join_sources(${target})
endfunction()

function(routedk_join_sources target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${ROUTEDK_UNITY})
  if(ROUTEDK_UNITY)  # warnings that apply to the joint unit, but not to its sources
    target_compile_options(${target} PRIVATE -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

function(routedk_sanitize target)
  if(ROUTEDK_SANITIZE)
    # vptr checks need the run-time type information of LibTorch, which is not instrumented.
    target_compile_options(${target} PUBLIC -fsanitize=${ROUTEDK_SANITIZE} -fno-sanitize=vptr -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${ROUTEDK_SANITIZE})
  endif()
endfunction()

set(headers_torch <torch/types.h> <torch/autograd.h> <ATen/ATen.h>)
set(headers_test <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp>)
set(headers_torch_test ${headers_torch} ${headers_test})

# The precompiled header of a kind (torch, test, torch_test), built once and shared by every target that uses it.
function(routedk_headers target kind)
  set(pch routedk_${kind}_pch)
  if(NOT TARGET ${pch})
    file(WRITE ${PROJECT_BINARY_DIR}/${pch}.cpp "")
    add_library(${pch} STATIC ${PROJECT_BINARY_DIR}/${pch}.cpp)
    target_compile_features(${pch} PUBLIC cxx_std_20)
    target_link_libraries(${pch} PRIVATE fmt::fmt spdlog::spdlog yaml-cpp nlohmann_json::nlohmann_json)
    set_target_properties(${pch} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    routedk_warnings(${pch})
    routedk_sanitize(${pch})
    if(kind MATCHES torch)
      target_link_libraries(${pch} PRIVATE Torch::cpu)
    endif()
    if(kind MATCHES test)
      target_link_libraries(${pch} PRIVATE GTest::gmock)
      routedk_test_options(${pch})
    endif()
    target_precompile_headers(${pch} PRIVATE ${headers_${kind}})
  endif()
  # Like the precompiled header, which programs and libraries share.
  target_compile_options(${target} PRIVATE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-fPIC>)
  target_precompile_headers(${target} REUSE_FROM ${pch})
endfunction()

# Only the layers are optimised: the tests are many and short.
function(routedk_test_options target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release,RelWithDebInfo>:-O1 -g0>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)  # g++ 12 at -O1 warns about its own std::string and std::optional
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-maybe-uninitialized)
  endif()
endfunction()

# routedk_test_program(TARGET LABEL [TORCH] [PROCESSES number])
#   makes TARGET a program of GoogleTest that ctest runs under LABEL: all its tests in one process, or in `number`
#   of them that share the tests. (With LibTorch, starting one takes longer than most tests.) Their counts are
#   written to tests/results/NAME.xml of the build. TORCH: the program includes LibTorch's headers.
#   One test: build/release/tests/TARGET --gtest_filter=Suite.name
function(routedk_test_program target label)
  cmake_parse_arguments(ARG "TORCH" "PROCESSES" "" ${ARGN})
  find_package(GTest REQUIRED)
  target_link_libraries(${target} PRIVATE GTest::gmock GTest::gtest_main)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE ROUTEDK_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  routedk_warnings(${target})
  routedk_test_options(${target})
  routedk_test_unity(${target})
  if(ARG_TORCH)
    routedk_headers(${target} torch_test)
  else()
    routedk_headers(${target} test)
  endif()
  if(NOT ARG_PROCESSES)
    set(ARG_PROCESSES 1)
  endif()
  math(EXPR last "${ARG_PROCESSES} - 1")
  foreach(part RANGE ${last})
    set(name ${target})
    if(last GREATER 0)
      string(APPEND name .${part})
    endif()
    add_test(NAME ${name}
             COMMAND ${target} --gtest_brief=1 --gtest_output=xml:${PROJECT_BINARY_DIR}/tests/results/${name}.xml)
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 1200 ENVIRONMENT
      # Spinning threads slow down small tests when other work runs.
      "OMP_WAIT_POLICY=passive;GTEST_TOTAL_SHARDS=${ARG_PROCESSES};GTEST_SHARD_INDEX=${part}")
  endforeach()
endfunction()

# routedk_gtests(TARGET LABEL [PARTS number])
#   ctest runs all tests of a program in one process, or in `number` of them that share the tests: with LibTorch,
#   starting one takes longer than most tests. Their counts are written to tests/results/NAME.xml of the build.
#   One test: build/release/tests/TARGET --gtest_filter=Suite.name
function(routedk_gtests target label)
  cmake_parse_arguments(ARG "" "PARTS" "" ${ARGN})
  if(NOT ARG_PARTS)
    set(ARG_PARTS 1)
  endif()
  math(EXPR last "${ARG_PARTS} - 1")
  foreach(part RANGE ${last})
    set(name ${target})
    if(last GREATER 0)
      string(APPEND name .${part})
    endif()
    add_test(NAME ${name}
             COMMAND ${target} --gtest_brief=1 --gtest_output=xml:${PROJECT_BINARY_DIR}/tests/results/${name}.xml)
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 1200 ENVIRONMENT
      # Spinning threads slow down small tests when other work runs.
      "OMP_WAIT_POLICY=passive;GTEST_TOTAL_SHARDS=${ARG_PARTS};GTEST_SHARD_INDEX=${part}")
  endforeach()
endfunction()

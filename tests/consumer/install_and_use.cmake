# cmake -D BUILD_DIR=... -D SOURCE_DIR=... -D GENERATOR=... -P install_and_use.cmake
# Installs the build into a fresh prefix, then configures, builds and runs the consumer against that alone.
set(work ${BUILD_DIR}/consumer)
file(REMOVE_RECURSE ${work})
set(commands_fatal COMMAND_ERROR_IS_FATAL ANY COMMAND_ECHO STDOUT)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${work}/prefix OUTPUT_QUIET ${commands_fatal})
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${work}/build -G ${GENERATOR}
                        -DCMAKE_BUILD_TYPE=Debug -DCMAKE_PREFIX_PATH=${work}/prefix ${commands_fatal})
execute_process(COMMAND ${CMAKE_COMMAND} --build ${work}/build ${commands_fatal})
execute_process(COMMAND ${work}/build/consumer ${commands_fatal})

file(GLOB programs ${work}/prefix/bin/routedk-*)
if(NOT programs)
  message(FATAL_ERROR "the programs must be installed, but ${work}/prefix/bin has none")
endif()
foreach(program ${programs})
  execute_process(COMMAND ${program} --help OUTPUT_QUIET ${commands_fatal})
endforeach()

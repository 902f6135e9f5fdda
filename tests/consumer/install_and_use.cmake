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
# The prefix holds all that programs need, wherever it is put.
file(RENAME ${work}/prefix ${work}/elsewhere)
file(MAKE_DIRECTORY ${work}/empty)
file(GLOB programs ${work}/elsewhere/bin/routedk-*)
execute_process(COMMAND ${work}/elsewhere/bin/routedk-run --dump-config WORKING_DIRECTORY ${work}/empty
                OUTPUT_VARIABLE settings COMMAND_ERROR_IS_FATAL ANY)
if(NOT settings MATCHES "prompts: \"?${work}/elsewhere/share/routedk/configs/prompts")
  message(FATAL_ERROR "prompts must be those of the prefix, but are not: ${settings}")
endif()
execute_process(COMMAND ${work}/elsewhere/bin/routedk-data check --data-dir ${work}/elsewhere/share/routedk/data/sample
                WORKING_DIRECTORY ${work}/empty OUTPUT_QUIET ${commands_fatal})
set(model ${SOURCE_DIR}/../../.deps/models/SmolLM2-135M-Instruct.Q4_1.gguf)
if(EXISTS ${model})
  file(WRITE ${work}/sessions.jsonl "[\"Tea\", \"Cup\"]\n")
  execute_process(COMMAND ${work}/elsewhere/bin/routedk-predict --model ${model} --set decode.samples=1
                  INPUT_FILE ${work}/sessions.jsonl OUTPUT_VARIABLE answer WORKING_DIRECTORY ${work}/empty ${commands_fatal})
  if(NOT answer MATCHES "\"bundles\":\\[\\[1,2\\]\\]")
    message(FATAL_ERROR "the only bundle must be answered, but ${answer} is")
  endif()
endif()
foreach(program ${programs})
  execute_process(COMMAND ${program} --help OUTPUT_QUIET ${commands_fatal})
endforeach()

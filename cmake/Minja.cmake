# MINJA_INCLUDE_DIR: Jinja for chat templates, a single header: the system's, or the one that scripts/setup
# extracts from the sources in third_party/minja.txt.
find_path(MINJA_INCLUDE_DIR minja/minja.hpp HINTS ${CMAKE_CURRENT_LIST_DIR}/../.deps/minja DOC "minja's header")
if(NOT MINJA_INCLUDE_DIR)
  message(FATAL_ERROR "minja/minja.hpp must be there, but is not: run scripts/setup, or give MINJA_INCLUDE_DIR")
endif()

# Csv::csv, the RFC 4180 parser of libcsv, which ships neither CMake nor pkg-config files.
find_path(LIBCSV_INCLUDE_DIR csv.h REQUIRED)
find_library(LIBCSV_LIBRARY csv REQUIRED)
if(NOT TARGET Csv::csv)
  add_library(Csv::csv UNKNOWN IMPORTED)
  set_target_properties(Csv::csv PROPERTIES
    IMPORTED_LOCATION ${LIBCSV_LIBRARY}
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${LIBCSV_INCLUDE_DIR})
endif()

# Installs the libraries of all layers, the headers, the programs and the CMake package for
# find_package(routedk); tests/consumer builds against the result.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/routedk)

get_property(layers GLOBAL PROPERTY ROUTEDK_LAYERS)
get_property(programs GLOBAL PROPERTY ROUTEDK_PROGRAMS)
install(TARGETS ${layers} EXPORT routedk ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(programs)
  # LibTorch is not installed: installed programs find it by its path.
  set_target_properties(${programs} PROPERTIES INSTALL_RPATH ${ROUTEDK_TORCH_ROOT}/lib)
  install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(DIRECTORY include/routedk DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Programs find these relative to themselves (core/shipped.h), so the prefix can be moved.
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/routedk)
install(DIRECTORY data/sample DESTINATION ${CMAKE_INSTALL_DATADIR}/routedk/data)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT routedk FILE routedkTargets.cmake NAMESPACE routedk:: DESTINATION ${package_dir})
configure_package_config_file(cmake/routedkConfig.cmake.in ${PROJECT_BINARY_DIR}/routedkConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/routedkConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/routedkConfig.cmake ${PROJECT_BINARY_DIR}/routedkConfigVersion.cmake
              cmake/LibTorch.cmake cmake/LibCsv.cmake
        DESTINATION ${package_dir})

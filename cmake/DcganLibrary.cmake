# The C library for other programs: libdcgan.so and libdcgan.a from the rooms that models/api stands
# on, and the package that find_package(dcgan) and pkg-config read. Not in emulated builds, whose
# device is for tests.
#
#   dcgan_shared   lib/libdcgan.so.1, everything hidden but the functions of dcgan.h
#   dcgan_static   lib/libdcgan.a, the same rooms in one archive

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(DCGAN_LIBRARY_ABI 1)  # counts up when a program built before does not run with the library any more

# Libraries of others that libdcgan needs, by name or path, and the folders of CUDA's.
set(DCGAN_STATIC_LIBRARIES dnnl fmt xxhash)
set(DCGAN_CUDA_FOLDERS "")
if(DCGAN_OPENMP)
  list(APPEND DCGAN_STATIC_LIBRARIES ${OpenMP_CXX_LIB_NAMES})
  list(REMOVE_ITEM DCGAN_STATIC_LIBRARIES pthread)
endif()
if(DCGAN_HAS_CUDA AND NOT DCGAN_EMULATED)
  get_target_property(dcgan_cublas CUDA::cublasLt IMPORTED_LOCATION)
  get_target_property(dcgan_cudart CUDA::cudart_static IMPORTED_LOCATION)
  list(APPEND DCGAN_STATIC_LIBRARIES ${DCGAN_CUDNN_GRAPH} ${dcgan_cublas} ${dcgan_cudart} rt)
  foreach(library ${DCGAN_CUDNN_GRAPH} ${dcgan_cublas})
    cmake_path(GET library PARENT_PATH folder)
    list(APPEND DCGAN_CUDA_FOLDERS ${folder})
  endforeach()
  list(REMOVE_DUPLICATES DCGAN_CUDA_FOLDERS)
endif()
list(APPEND DCGAN_STATIC_LIBRARIES stdc++ pthread dl m)

# Static rooms that `target` stands on, and itself, into `result`.
function(dcgan_rooms_of target result)
  set(found ${${result}})
  if(NOT TARGET ${target} OR target IN_LIST found OR NOT target MATCHES "^dcgan_")
    return()
  endif()
  list(APPEND found ${target})
  foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
    get_target_property(below ${target} ${property})
    foreach(library IN LISTS below)
      if(library MATCHES "^\\$<LINK_ONLY:(.*)>$")
        set(library ${CMAKE_MATCH_1})
      endif()
      dcgan_rooms_of("${library}" found)
    endforeach()
  endforeach()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

# One archive of all of them. `ar` keeps members of equal names apart.
function(dcgan_add_static_library)
  dcgan_rooms_of(dcgan_api rooms)
  set(archive ${PROJECT_BINARY_DIR}/lib/libdcgan.a)
  set(script "CREATE ${archive}\n")
  foreach(room IN LISTS rooms)
    get_target_property(type ${room} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND archives ${room})
      string(APPEND script "ADDLIB $<TARGET_FILE:${room}>\n")
    endif()
  endforeach()
  file(GENERATE OUTPUT ${archive}.mri CONTENT "${script}SAVE\nEND\n")
  add_custom_command(OUTPUT ${archive}
    COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
    COMMAND ${CMAKE_AR} -M < ${archive}.mri
    DEPENDS ${archives} ${archive}.mri
    COMMENT "Joining the rooms in libdcgan.a" VERBATIM)
  add_custom_target(dcgan_static ALL DEPENDS ${archive})
  install(FILES ${archive} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
endfunction()

function(dcgan_add_shared_library)
  set(exports ${PROJECT_SOURCE_DIR}/models/api/dcgan.map)
  add_library(dcgan_shared SHARED $<TARGET_OBJECTS:dcgan_api>)
  target_link_libraries(dcgan_shared PRIVATE dcgan_api dcgan_options)
  # --as-needed: what no function of dcgan.h uses (MPI, NCCL, picture codecs) is not loaded.
  target_link_options(dcgan_shared PRIVATE
    LINKER:--as-needed LINKER:--no-undefined LINKER:--version-script=${exports})
  set_target_properties(dcgan_shared PROPERTIES
    LINKER_LANGUAGE CXX OUTPUT_NAME dcgan VERSION ${DCGAN_LIBRARY_ABI}.${PROJECT_VERSION} SOVERSION ${DCGAN_LIBRARY_ABI}
    LINK_DEPENDS ${exports} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib
    # CUDA's libraries often lie in no folder of the loader's.
    INSTALL_RPATH "${DCGAN_CUDA_FOLDERS}")
  target_include_directories(dcgan_shared INTERFACE ${PROJECT_SOURCE_DIR}/models/include)
  add_library(dcgan::dcgan ALIAS dcgan_shared)  # for projects that have this one as a folder
  install(TARGETS dcgan_shared
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
endfunction()

# Headers, and the files that find_package() and pkg-config read. All paths in them are relative.
function(dcgan_install_package)
  set(cmake_files ${CMAKE_INSTALL_LIBDIR}/cmake/dcgan)
  set(pc_files ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  set(made ${PROJECT_BINARY_DIR}/generated/package)
  file(RELATIVE_PATH DCGAN_PREFIX_FROM_PC ${CMAKE_INSTALL_PREFIX}/${pc_files} ${CMAKE_INSTALL_PREFIX})
  string(REGEX REPLACE "/$" "" DCGAN_PREFIX_FROM_PC "${DCGAN_PREFIX_FROM_PC}")
  list(TRANSFORM DCGAN_STATIC_LIBRARIES REPLACE "^([^/].*)$" "-l\\1" OUTPUT_VARIABLE flags)
  list(JOIN flags " " DCGAN_STATIC_FLAGS)
  configure_package_config_file(cmake/package/dcganConfig.cmake.in ${made}/dcganConfig.cmake
    INSTALL_DESTINATION ${cmake_files} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
  write_basic_package_version_file(${made}/dcganConfigVersion.cmake COMPATIBILITY SameMajorVersion)
  configure_file(cmake/package/dcgan.pc.in ${made}/dcgan.pc @ONLY)
  install(FILES ${made}/dcganConfig.cmake ${made}/dcganConfigVersion.cmake
    DESTINATION ${cmake_files} COMPONENT development)
  install(FILES ${made}/dcgan.pc DESTINATION ${pc_files} COMPONENT development)
  install(FILES models/include/dcgan/dcgan.h models/include/dcgan/dcgan.hpp
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/dcgan COMPONENT development)
endfunction()

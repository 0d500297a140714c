# dcgan_add_room(NAME
#   SOURCES ...   the room's .cpp files
#   CUDA ...      .cpp and .cu files of the CUDA engine; left out of builds without it
#   LINK ...      what the room's headers need: passed on to whoever links the room
#   PRIVATE ...)  what its sources alone need
#
# One static library for one room of the tree, every file listed by name. nvcc compiles the .cu
# files; in emulated builds the C++ compiler does, through a generated .cpp that includes the .cu.
# What has no emulated form lies in a folder vendor/cuda or cuda/vendor, a target of its own.

function(dcgan_add_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;CUDA;LINK;PRIVATE" ${ARGN})
  set(sources ${ARG_SOURCES})
  if(DCGAN_HAS_CUDA)
    list(APPEND sources ${ARG_CUDA})
  endif()
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARG_LINK})
    return()
  endif()
  add_library(${name} STATIC)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE dcgan_options ${ARG_PRIVATE})
  foreach(source IN LISTS sources)
    if(DCGAN_EMULATED AND source MATCHES "\\.cu$")
      dcgan_emulate_source(${source} source)
    endif()
    target_sources(${name} PRIVATE ${source})
  endforeach()
endfunction()

# A room of kernels/. Nobody reads errno or the floating-point status flags: without these two
# options GCC calls sqrtf and does not vectorise a loop with a comparison. Neither changes a result.
function(dcgan_add_kernel_room name)
  dcgan_add_room(${name} ${ARGN})
  get_target_property(type ${name} TYPE)
  if(NOT type STREQUAL "INTERFACE_LIBRARY")
    target_compile_options(${name} PRIVATE
                           $<$<COMPILE_LANGUAGE:CXX>:-fno-math-errno -fno-trapping-math>)
  endif()
endfunction()

# Sets `result` to a .cpp file that includes the .cu file.
function(dcgan_emulate_source source result)
  file(RELATIVE_PATH path ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${source})
  set(wrapper ${PROJECT_BINARY_DIR}/generated/${path}.cpp)
  file(CONFIGURE OUTPUT ${wrapper} CONTENT "#include \"${path}\"\n" @ONLY)
  # -fno-strict-aliasing: 16-byte accesses; the pragmas and attributes are nvcc's.
  set_source_files_properties(${wrapper} PROPERTIES COMPILE_OPTIONS
    "-fno-strict-aliasing;-Wno-unknown-pragmas;-Wno-attributes;-Wno-pedantic")
  set(${result} ${wrapper} PARENT_SCOPE)
endfunction()

# dcgan_add_tests(NAME [GPU] SOURCES ... LINK ...): one Catch2 program of a room's tests. GPU: it
# computes on the GPU where there is one, and says so where there is none (`ctest -L gpu`).
function(dcgan_add_tests name)
  cmake_parse_arguments(ARG "GPU" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} dcgan_test_main dcgan_options)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(ARG_GPU)
    # For the scripts that carry the tests to a GPU machine.
    set_property(GLOBAL APPEND_STRING PROPERTY DCGAN_GPU_PROGRAMS "${name}\n")
    if(DCGAN_HAS_CUDA AND NOT DCGAN_EMULATED)
      set_tests_properties(${name} PROPERTIES LABELS gpu)
    endif()
  endif()
endfunction()

# What can be chosen at configure time.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Ready for a shared library: every object can go into one, and nothing is visible unless marked so.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

set(DCGAN_CUDA "auto" CACHE STRING
    "CUDA engine: auto (when the toolkit and cuDNN are found), on (an error when not), off, or emulated (tests)")
set_property(CACHE DCGAN_CUDA PROPERTY STRINGS auto on off emulated)
set(DCGAN_MPI "auto" CACHE STRING
    "Ranks that mpirun starts: auto (when an MPI library is found), on (an error when not) or off")
set_property(CACHE DCGAN_MPI PROPERTY STRINGS auto on off)
set(DCGAN_PICTURES "auto" CACHE STRING
    "WebP, TIFF and GIF: auto (each when its library is found), on (an error when one is not) or off")
set_property(CACHE DCGAN_PICTURES PROPERTY STRINGS auto on off)
set(DCGAN_CPU_BASELINE "x86-64-v3" CACHE STRING
    "Least processor the program runs on (a -march value); oneDNN picks better code at run time")
option(DCGAN_BUILD_TESTS "Build the tests" ON)
option(DCGAN_BUILD_BENCHMARKS "Build dcgan_bench_ops" ${PROJECT_IS_TOP_LEVEL})
option(DCGAN_WARNINGS_AS_ERRORS "Treat warnings as errors" OFF)
option(DCGAN_OPENMP "Use OpenMP in our own loops (off under ThreadSanitizer)" ON)
set(DCGAN_SANITIZE "" CACHE STRING "Sanitizers: empty, \"address,undefined\" or \"thread\"")

find_program(DCGAN_CCACHE ccache)
if(DCGAN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${DCGAN_CCACHE})
endif()

add_library(dcgan_options INTERFACE)
target_compile_features(dcgan_options INTERFACE cxx_std_20)
# nvcc takes no warning flags of the host compiler as its own; what its host half says goes through
# -Xcompiler (no -Wpedantic there: the code nvcc generates is full of line markers it warns about).
set(dcgan_cxx $<COMPILE_LANGUAGE:CXX>)
set(dcgan_nvcc $<COMPILE_LANGUAGE:CUDA>)
target_compile_options(dcgan_options INTERFACE
  "$<${dcgan_cxx}:-Wall;-Wextra;-Wpedantic;-Wshadow=local;-Wconversion>"
  "$<${dcgan_cxx}:-Wno-sign-conversion;-Wnon-virtual-dtor;-Woverloaded-virtual>"
  "$<${dcgan_nvcc}:-Xcompiler=-Wall,-Wextra>")
# GCC 12 sees overlapping copies in std::string's operator+ where there are none (GCC bug 105651).
target_compile_options(dcgan_options INTERFACE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>)
if(DCGAN_WARNINGS_AS_ERRORS)
  target_compile_options(dcgan_options INTERFACE $<${dcgan_cxx}:-Werror>
                         $<${dcgan_nvcc}:-Werror=all-warnings>)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(dcgan_options INTERFACE $<${dcgan_cxx}:-march=${DCGAN_CPU_BASELINE}>)
endif()
if(DCGAN_SANITIZE)
  target_compile_options(dcgan_options INTERFACE
    "$<${dcgan_cxx}:-fsanitize=${DCGAN_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all>"
    # GCC 12 takes the sanitizers' own bookkeeping for uninitialised reads, in <regex> among others.
    $<${dcgan_cxx}:-Wno-maybe-uninitialized>)
  target_link_options(dcgan_options INTERFACE -fsanitize=${DCGAN_SANITIZE})
endif()
# The project's root is the include root; generated headers mirror it under the build tree.
target_include_directories(dcgan_options INTERFACE ${PROJECT_SOURCE_DIR}
                           ${PROJECT_BINARY_DIR}/generated)

# The CUDA engine: finds the toolkit, cuDNN 9, cuBLASLt and NCCL, and decides what the build
# contains. Without NCCL it has no ranks on several GPUs.
#
#   DCGAN_CUDA=auto      when nvcc, cuDNN 9 and cuBLASLt are found; else a smaller build, with the reason
#   DCGAN_CUDA=on        the same, but an error when something is missing
#   DCGAN_CUDA=off       no CUDA engine
#   DCGAN_CUDA=emulated  the engine's host code and kernels compiled by the C++ compiler and linked
#                        with tests/emulator in place of the CUDA libraries (needs CUDA's headers only)
#
# Sets DCGAN_HAS_CUDA, DCGAN_EMULATED, DCGAN_CUDA_ARCHITECTURES, DCGAN_CUDA_REASON, DCGAN_HAS_NCCL,
# DCGAN_NCCL_REASON and the targets dcgan_cuda_runtime, dcgan_cuda_libraries and dcgan_nccl.

set(DCGAN_HAS_CUDA false)
set(DCGAN_EMULATED false)
set(DCGAN_HAS_NCCL false)
set(DCGAN_NCCL_REASON "no CUDA engine")
set(DCGAN_CUDA_REASON "DCGAN_CUDA=off")
set(DCGAN_CUDA_ARCHITECTURES "90" CACHE STRING
    "GPU architectures to compile kernels for, each as machine code and as PTX for GPUs to come")

add_library(dcgan_cuda_runtime INTERFACE)    # CUDA's headers and the runtime
add_library(dcgan_cuda_libraries INTERFACE)  # cuDNN and cuBLASLt
add_library(dcgan_nccl INTERFACE)            # NCCL; empty without it

# Sets `result` to what is missing for the real engine, empty when nothing is.
function(dcgan_find_cuda result)
  if(NOT CUDAToolkit_FOUND OR NOT CUDAToolkit_NVCC_EXECUTABLE)
    set(${result} "no CUDA toolkit 12.4 or newer (nvcc)" PARENT_SCOPE)
    return()
  endif()
  if(NOT TARGET CUDA::cudart_static)
    set(${result} "no libcudart_static" PARENT_SCOPE)
    return()
  endif()
  if(NOT TARGET CUDA::cublasLt)
    set(${result} "no libcublasLt" PARENT_SCOPE)
    return()
  endif()
  find_path(DCGAN_CUDNN_INCLUDE cudnn_graph_v9.h
            HINTS ${CUDAToolkit_INCLUDE_DIRS} ENV CUDNN_ROOT PATH_SUFFIXES include)
  find_library(DCGAN_CUDNN_GRAPH NAMES cudnn_graph libcudnn_graph.so.9
               HINTS ${CUDAToolkit_LIBRARY_DIR} ENV CUDNN_ROOT PATH_SUFFIXES lib lib64)
  if(NOT DCGAN_CUDNN_INCLUDE OR NOT DCGAN_CUDNN_GRAPH)
    set(${result} "no cuDNN 9 (cudnn_graph_v9.h, libcudnn_graph)" PARENT_SCOPE)
    return()
  endif()
  set(${result} "" PARENT_SCOPE)
endfunction()

function(dcgan_require_cuda_headers)
  find_path(DCGAN_CUDA_INCLUDE cuda_runtime_api.h
            HINTS ${CUDAToolkit_INCLUDE_DIRS} /usr/local/cuda/include ENV CUDA_HOME
            PATH_SUFFIXES include)
  if(NOT DCGAN_CUDA_INCLUDE)
    message(FATAL_ERROR "DCGAN_CUDA=emulated: no cuda_runtime_api.h (CUDA's headers are enough; set "
                        "DCGAN_CUDA_INCLUDE to their folder)")
  endif()
endfunction()

# NCCL's header, and the library unless tests/emulator stands in for it.
function(dcgan_find_nccl)
  find_path(DCGAN_NCCL_INCLUDE nccl.h
            HINTS ${DCGAN_CUDA_INCLUDE} ${CUDAToolkit_INCLUDE_DIRS} ENV NCCL_ROOT
            PATH_SUFFIXES include)
  set(missing "")
  if(NOT DCGAN_NCCL_INCLUDE)
    set(missing "no nccl.h")
  else()
    file(STRINGS ${DCGAN_NCCL_INCLUDE}/nccl.h numbers REGEX "^#define NCCL_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9;]" "" numbers "${numbers}")
    list(JOIN numbers "." version)
    if(version VERSION_LESS 2.18)
      set(missing "nccl.h is of ${version}, 2.18 or newer is needed")
    endif()
  endif()
  if(NOT DCGAN_EMULATED)
    find_library(DCGAN_NCCL_LIBRARY NAMES nccl libnccl.so.2
                 HINTS ${CUDAToolkit_LIBRARY_DIR} ENV NCCL_ROOT PATH_SUFFIXES lib lib64)
    if(NOT missing AND NOT DCGAN_NCCL_LIBRARY)
      set(missing "no libnccl")
    endif()
  endif()
  if(missing)
    set(DCGAN_NCCL_REASON "${missing} (NCCL_ROOT names its folder)" PARENT_SCOPE)
    return()
  endif()
  set(DCGAN_HAS_NCCL true PARENT_SCOPE)
  target_include_directories(dcgan_nccl SYSTEM INTERFACE ${DCGAN_NCCL_INCLUDE})
  target_link_libraries(dcgan_nccl INTERFACE dcgan_cuda_runtime)
  if(DCGAN_EMULATED)
    set(DCGAN_NCCL_REASON "emulated, header of ${version}" PARENT_SCOPE)
  else()
    set(DCGAN_NCCL_REASON "${version}, ${DCGAN_NCCL_LIBRARY}" PARENT_SCOPE)
    target_link_libraries(dcgan_nccl INTERFACE ${DCGAN_NCCL_LIBRARY})
  endif()
endfunction()

if(NOT DCGAN_CUDA MATCHES "^(auto|on|off|emulated)$")
  message(FATAL_ERROR "DCGAN_CUDA=${DCGAN_CUDA}: use auto, on, off or emulated")
endif()
if(NOT DCGAN_CUDA STREQUAL "off")
  find_package(CUDAToolkit 12.4 QUIET)
endif()
if(DCGAN_CUDA STREQUAL "emulated")
  if(NOT DCGAN_BUILD_TESTS)
    message(FATAL_ERROR "DCGAN_CUDA=emulated is for tests: it needs DCGAN_BUILD_TESTS=ON")
  endif()
  dcgan_require_cuda_headers()
  set(DCGAN_HAS_CUDA true)
  set(DCGAN_EMULATED true)
  set(DCGAN_CUDA_REASON "emulated on the CPU, for tests")
  target_include_directories(dcgan_cuda_runtime SYSTEM INTERFACE ${DCGAN_CUDA_INCLUDE})
  target_link_libraries(dcgan_cuda_runtime INTERFACE dcgan_emulator)
  if(NOT DCGAN_SANITIZE STREQUAL "thread")
    # There a thread of a kernel costs most, and warpgroups' tiles run the code of the others.
    target_compile_definitions(dcgan_cuda_runtime INTERFACE DCGAN_WARPGROUPS)
  endif()
elseif(DCGAN_CUDA MATCHES "^(auto|on)$")
  dcgan_find_cuda(DCGAN_CUDA_MISSING)
  if(DCGAN_CUDA_MISSING)
    set(DCGAN_CUDA_REASON "${DCGAN_CUDA_MISSING}")
    if(DCGAN_CUDA STREQUAL "on")
      message(FATAL_ERROR "DCGAN_CUDA=on: ${DCGAN_CUDA_MISSING}")
    endif()
  else()
    set(DCGAN_HAS_CUDA true)
    set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE} CACHE FILEPATH "nvcc")
    set(CMAKE_CUDA_ARCHITECTURES ${DCGAN_CUDA_ARCHITECTURES})
    if("90" IN_LIST DCGAN_CUDA_ARCHITECTURES)
      # Machine code with the instructions of sm_90 alone (warpgroups), PTX without them.
      list(TRANSFORM CMAKE_CUDA_ARCHITECTURES REPLACE "^90$" "90a-real;90-virtual")
      target_compile_definitions(dcgan_cuda_runtime INTERFACE DCGAN_WARPGROUPS)
    endif()
    if(DCGAN_CCACHE)
      set(CMAKE_CUDA_COMPILER_LAUNCHER ${DCGAN_CCACHE})
    endif()
    enable_language(CUDA)
    set(CMAKE_CUDA_STANDARD 20)
    set(CMAKE_CUDA_STANDARD_REQUIRED ON)
    set(CMAKE_CUDA_EXTENSIONS OFF)
    if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
      # CMake 3.25.1 (Debian 12) does not know it and then refuses to generate.
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
    endif()
    set(DCGAN_CUDA_REASON "CUDA ${CUDAToolkit_VERSION}, architectures ${DCGAN_CUDA_ARCHITECTURES}")
    # fmt 9 takes constexpr away from nvcc and then cannot check its format strings; nvcc 12 has it.
    add_compile_definitions($<$<COMPILE_LANGUAGE:CUDA>:FMT_USE_CONSTEXPR=1>)
    # The runtime is linked statically, so that the program starts where there is no CUDA.
    target_link_libraries(dcgan_cuda_runtime INTERFACE CUDA::cudart_static)
    target_include_directories(dcgan_cuda_runtime SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})
    target_include_directories(dcgan_cuda_libraries SYSTEM INTERFACE ${DCGAN_CUDNN_INCLUDE})
    target_link_libraries(dcgan_cuda_libraries INTERFACE dcgan_cuda_runtime ${DCGAN_CUDNN_GRAPH}
                                                         CUDA::cublasLt)
  endif()
endif()
if(DCGAN_HAS_CUDA)
  dcgan_find_nccl()
endif()

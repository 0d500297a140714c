# MPI, for CPU ranks that mpirun starts.
#
#   DCGAN_MPI=auto  when an MPI 3 library is found; else a build without, with the reason
#   DCGAN_MPI=on    the same, but an error when it is missing
#   DCGAN_MPI=off   without
#
# Sets DCGAN_HAS_MPI, DCGAN_MPI_REASON, MPIEXEC_EXECUTABLE and the target dcgan_mpi (empty without).

set(DCGAN_HAS_MPI false)
set(DCGAN_MPI_REASON "DCGAN_MPI=off")
add_library(dcgan_mpi INTERFACE)

if(NOT DCGAN_MPI MATCHES "^(auto|on|off)$")
  message(FATAL_ERROR "DCGAN_MPI=${DCGAN_MPI}: use auto, on or off")
endif()
if(NOT DCGAN_MPI STREQUAL "off")
  set(MPI_CXX_SKIP_MPICXX ON)  # the C interface is enough
  find_package(MPI 3.0 QUIET COMPONENTS CXX)
  if(MPI_CXX_FOUND)
    set(DCGAN_HAS_MPI true)
    # The compiler wrapper names the library of the withdrawn C++ interface all the same.
    set(libraries ${MPI_CXX_LIBRARIES})
    list(FILTER libraries EXCLUDE REGEX "mpi_?cxx|mpichcxx")
    list(GET libraries 0 library)
    set(DCGAN_MPI_REASON "MPI ${MPI_CXX_VERSION}, ${library}")
    target_link_libraries(dcgan_mpi INTERFACE ${libraries} ${MPI_CXX_LINK_FLAGS})
    target_include_directories(dcgan_mpi SYSTEM INTERFACE ${MPI_CXX_INCLUDE_DIRS})
    target_compile_definitions(dcgan_mpi INTERFACE ${MPI_CXX_COMPILE_DEFINITIONS})
  else()
    set(DCGAN_MPI_REASON "no MPI 3 library (Debian: libopenmpi-dev)")
    if(DCGAN_MPI STREQUAL "on")
      message(FATAL_ERROR "DCGAN_MPI=on: ${DCGAN_MPI_REASON}")
    endif()
  endif()
endif()

# The libraries, found once. What is optional makes a smaller build and is said in the summary.

find_package(fmt REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(dnnl REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
if(DCGAN_OPENMP)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()

include(DcganCuda)
include(DcganMpi)
include(DcganPictures)

configure_file(runtime/base/build_config.h.in
               ${PROJECT_BINARY_DIR}/generated/runtime/base/build_config.h @ONLY)

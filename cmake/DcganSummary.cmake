# What was found, in one table, at the end of configuring.

message(STATUS "dcgan ${PROJECT_VERSION}: ${CMAKE_BUILD_TYPE}, baseline ${DCGAN_CPU_BASELINE}")
message(STATUS "  CPU engine     oneDNN ${dnnl_VERSION}")
if(DCGAN_HAS_CUDA)
  message(STATUS "  CUDA engine    yes (${DCGAN_CUDA_REASON})")
else()
  message(STATUS "  CUDA engine    no: ${DCGAN_CUDA_REASON}")
endif()
if(DCGAN_HAS_NCCL)
  message(STATUS "  several GPUs   yes (NCCL ${DCGAN_NCCL_REASON})")
else()
  message(STATUS "  several GPUs   no: ${DCGAN_NCCL_REASON}")
endif()

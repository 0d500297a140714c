// Macros for headers that both the host compiler and nvcc read.
#pragma once

#if defined(__CUDACC__)
#define DCGAN_HOST_DEVICE __host__ __device__
#else
#define DCGAN_HOST_DEVICE
#endif

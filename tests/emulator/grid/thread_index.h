// CUDA's built-in variables, of the thread that is running.
#pragma once

#include <vector_types.h>

extern thread_local constinit uint3 threadIdx;
extern thread_local constinit uint3 blockIdx;
extern thread_local constinit dim3 blockDim;
extern thread_local constinit dim3 gridDim;

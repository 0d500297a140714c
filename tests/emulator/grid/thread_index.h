// CUDA's built-in variables, for the thread that runs.
#pragma once

#include <vector_types.h>

extern thread_local constinit uint3 threadIdx;
extern thread_local constinit uint3 blockIdx;
extern thread_local constinit dim3 blockDim;
extern thread_local constinit dim3 gridDim;

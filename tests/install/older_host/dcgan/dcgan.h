/* A frozen header: what a program was built with before options had log and memory, info had bytes,
 * and images had strides. It must keep working; never change it.
 *
 * dcgan: images from a trained generator, inside another program. C99; no other header is needed.
 *
 * Structs begin with their size: set struct_size = sizeof(the struct) and every other byte to zero
 * (`dcgan_images to = {.struct_size = sizeof to};`). Zero means "the default", so that a program
 * that was built with an older header works with a newer library. A newer program is told when an
 * older library does not know a field that it sets.
 *
 * Functions return a status; dcgan_last_error() has the words. Nothing is printed, no signal is
 * handled, no device is reset, and the calling thread's current CUDA device is as before on return.
 * One generator serves one thread at a time (else DCGAN_ERROR_BUSY); several generators serve
 * several threads at once. A process made by fork() opens its own (else DCGAN_ERROR_FORKED). */
#ifndef DCGAN_DCGAN_H
#define DCGAN_DCGAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(DCGAN_BUILDS_LIBRARY)
#define DCGAN_API __attribute__((visibility("default")))
#else
#define DCGAN_API
#endif

#define DCGAN_HEADER_VERSION 100 /* 10000 * major + 100 * minor + patch, of this header */

typedef enum dcgan_status {
  DCGAN_OK = 0,
  DCGAN_ERROR_USAGE = 2,        /* an argument: null, out of range, of an unknown size */
  DCGAN_ERROR_BUSY = 3,         /* another thread is in a call with this generator */
  DCGAN_ERROR_FORKED = 4,       /* the generator belongs to the parent process */
  DCGAN_ERROR_BAD_DATA = 65,    /* a file breaks its format */
  DCGAN_ERROR_UNAVAILABLE = 69, /* no such device, not enough memory, work failed on the device */
  DCGAN_ERROR_INTERNAL = 70,    /* a bug of the library */
  DCGAN_ERROR_IO = 74,          /* a file is missing or cannot be read */
  DCGAN_ERROR_CONFIG = 78       /* a network that cannot be */
} dcgan_status;

/* Of the calling thread's last call that failed; "" before one has. Valid until the next failure in
 * this thread. */
DCGAN_API const char* dcgan_last_error(void);
DCGAN_API const char* dcgan_status_name(dcgan_status status); /* "bad data"; static */

/* ---- The library ---------------------------------------------------------------------------- */

typedef struct dcgan_library_info {
  size_t struct_size;
  const char* version;            /* "0.1.0"; static, as what follows */
  const char* cuda_architectures; /* what the kernels are compiled for, "80;90"; "" without CUDA */
  int32_t version_number;         /* as DCGAN_HEADER_VERSION */
  int32_t has_cuda;               /* 1: this build has the CUDA engine */
  int32_t cuda_devices;           /* GPUs that the driver shows; 0 without a driver */
  int32_t cpu_has_bf16;           /* 1: this processor computes in bf16 */
} dcgan_library_info;

DCGAN_API dcgan_status dcgan_library_query(dcgan_library_info* info);

/* ---- Opening a generator -------------------------------------------------------------------- */

typedef struct dcgan_generator dcgan_generator;

typedef enum dcgan_precision {
  DCGAN_PRECISION_SAVED = 0, /* as trained, or float32 where the device cannot compute in that */
  DCGAN_PRECISION_FP32 = 1,
  DCGAN_PRECISION_TF32 = 2, /* GPUs */
  DCGAN_PRECISION_BF16 = 3
} dcgan_precision;

typedef struct dcgan_generator_options {
  size_t struct_size;
  const char* device; /* "cpu", "cuda", "cuda:1", "auto": the first GPU, else the CPU; NULL: auto */
  int64_t batch;      /* most images that are computed at once; 0: 64 */
  int32_t precision;  /* dcgan_precision */
  int32_t threads;    /* of the CPU, in a call; 0: OpenMP's number for the calling thread */
} dcgan_generator_options;

typedef struct dcgan_generator_info {
  size_t struct_size;
  int64_t latent_size; /* numbers in a latent vector */
  int64_t channels, height, width;
  int64_t batch;
  int64_t parameters;
  int32_t precision;       /* dcgan_precision, never SAVED */
  int32_t is_cuda;         /* 1: on a GPU; 0: on the CPU */
  int32_t device_ordinal;  /* which GPU */
  int32_t uniform_latents; /* 1: latent vectors are U(-1, 1); 0: N(0, 1) */
} dcgan_generator_info;

/* `path`: an output folder of `dcgan train` (its newest valid checkpoint), a checkpoint, or a
 * safetensors file with PyTorch's names (the network's sizes are read off the tensors' shapes; a
 * file that says nothing of the latent vectors has N(0, 1)). `options` may be NULL.
 *
 * Tells what dcgan_generator_open() would make, without loading or allocating it. */
DCGAN_API dcgan_status dcgan_generator_inspect(const char* path,
                                               const dcgan_generator_options* options,
                                               dcgan_generator_info* info);
/* On failure *generator is NULL. */
DCGAN_API dcgan_status dcgan_generator_open(const char* path,
                                            const dcgan_generator_options* options,
                                            dcgan_generator** generator);
DCGAN_API dcgan_status dcgan_generator_query(const dcgan_generator* generator,
                                             dcgan_generator_info* info);
/* Waits for the generator's work, frees it and sets *generator to NULL; of NULL it does nothing.
 * Captured graphs that hold its work must not be launched any more. Ends the threads that OpenMP
 * keeps for the calling thread. */
DCGAN_API dcgan_status dcgan_generator_close(dcgan_generator** generator);

/* ---- Generating ----------------------------------------------------------------------------- */

typedef enum dcgan_memory {
  DCGAN_MEMORY_HOST = 0,
  DCGAN_MEMORY_DEVICE = 1 /* of the generator's GPU; of a generator on the CPU: the host's */
} dcgan_memory;

typedef enum dcgan_type {
  DCGAN_TYPE_FLOAT32 = 0, /* values in (-1, 1), as the others but uint8 */
  DCGAN_TYPE_BFLOAT16 = 1,
  DCGAN_TYPE_FLOAT16 = 2,
  DCGAN_TYPE_UINT8 = 3 /* 0 .. 255, rounded as torchvision's save_image does */
} dcgan_type;

typedef enum dcgan_layout { DCGAN_LAYOUT_NHWC = 0, DCGAN_LAYOUT_NCHW = 1 } dcgan_layout;

/* The caller's memory for `count` images. */
typedef struct dcgan_images {
  size_t struct_size;
  void* data;     /* of the first element, aligned to its type */
  int64_t count;  /* N; 0 does nothing */
  int32_t type;   /* dcgan_type */
  int32_t layout; /* dcgan_layout: the order of the axes in memory and in `strides` */
  int32_t memory; /* dcgan_memory: where `data` lies */
  int32_t reserved;
} dcgan_images;

/* Image i is made of latent vector first + i of `seed`: the images of `dcgan sample --seed`,
 * whatever count and batch. first + count <= 2^32.
 *
 * stream: a cudaStream_t of the generator's GPU. With everything in device memory the work is
 * enqueued there: nothing waits, and the stream may be captured into a graph (after one call of the
 * same kind outside of a capture). With host memory the call returns when the images are there. The
 * legacy default stream is cudaStreamLegacy, not NULL. NULL: on a stream of the generator's own,
 * and the call returns when it is done; the only stream of a generator on the CPU.
 *
 * Calls on different streams follow each other in the order in which they are made. Launches of a
 * captured graph are ordered by the caller. */
DCGAN_API dcgan_status dcgan_generator_sample(dcgan_generator* generator, uint64_t seed,
                                              uint64_t first, const dcgan_images* images,
                                              void* stream);
/* The same from the caller's latent vectors: images->count rows of latent_size float32 each,
 * without gaps, which lie in `memory`. Image i depends on row i alone. */
DCGAN_API dcgan_status dcgan_generator_generate(dcgan_generator* generator, const float* latents,
                                                dcgan_memory memory, const dcgan_images* images,
                                                void* stream);
#ifdef __cplusplus
}
#endif

#endif

#include "runtime/base/parallel.h"

#include "runtime/base/errors.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace dcgan {

int thread_count() {
#if defined(_OPENMP)
  return omp_get_max_threads();
#else
  return 1;
#endif
}

void set_thread_count(int count) {
  if (count < 1) fail(ErrorKind::config, "threads: {} is below 1", count);
#if defined(_OPENMP)
  omp_set_num_threads(count);
#endif
}

void end_idle_threads() {
#if defined(_OPENMP)
  omp_pause_resource(omp_pause_soft, omp_get_initial_device());
#endif
}

namespace detail {

// OpenMP and not std::thread: oneDNN's loops run on the same pool, so neither oversubscribes.
void run_chunks(std::int64_t chunks, ChunkFunction function, void* closure) {
#if defined(_OPENMP)
#pragma omp parallel for schedule(static)
#endif
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) function(closure, chunk);
}

}  // namespace detail
}  // namespace dcgan

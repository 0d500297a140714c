// Loops over the cores of this process.
#pragma once

#include <algorithm>
#include <cstdint>

namespace dcgan {

/// Threads that parallel_for and the CPU libraries use.
int thread_count();
/// Sets it for the calling thread's loops. Throws Error(config) when count < 1.
void set_thread_count(int count);
/// Ends the threads that OpenMP keeps for the calling thread's loops; its next loop makes them
/// anew. Not inside a loop.
void end_idle_threads();

namespace detail {
using ChunkFunction = void (*)(void* closure, std::int64_t chunk);
void run_chunks(std::int64_t chunks, ChunkFunction function, void* closure);
}  // namespace detail

/// Calls body(begin, end) on disjoint ranges that cover [0, count), each of `grain` items (the last
/// may be shorter). The ranges depend on count and grain alone, never on the number of threads, so
/// a reduction with one partial result per range gives the same bits. The body must not throw.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
  if (count <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  const std::int64_t chunks = (count + grain - 1) / grain;
  if (chunks == 1) return body(0, count);
  auto run = [&](std::int64_t chunk) { body(chunk * grain, std::min(count, (chunk + 1) * grain)); };
  detail::run_chunks(
      chunks,
      [](void* closure, std::int64_t chunk) { (*static_cast<decltype(run)*>(closure))(chunk); },
      &run);
}

}  // namespace dcgan

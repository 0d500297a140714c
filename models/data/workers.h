// A few threads that share numbered jobs.
#pragma once

#include <cstdint>
#include <functional>

namespace dcgan {

/// Calls job(i) for i in [0, count) on `workers` threads (0: one a core), handing out the numbers
/// in rising order. When a job throws, no higher number is begun any more, and once all have ended
/// the exception of the lowest number is thrown: the same one whatever the number of threads.
void run_workers(std::int64_t count, int workers, const std::function<void(std::int64_t)>& job);

}  // namespace dcgan

// Waiting for MPI, which offers looks and no sleep.
#pragma once

#include <mpi.h>

#include <chrono>
#include <functional>

namespace dcgan::mpi {

/// How to pass the time between two looks: at once again for 50 us, in which small collectives
/// end; then the core is offered to others before each look; behind 10 ms, when a rank is likely to
/// be late, the thread sleeps for 0.2 ms. Data moves only at a look: a longer sleep would leave the
/// buffers of a fast network empty.
class Pause {
 public:
  using Clock = std::chrono::steady_clock;

  void operator()() const;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }

 private:
  Clock::time_point begun_ = Clock::now();
};

/// Returns when the request is complete. Throws Error(peer_lost) after `timeout_seconds` or when
/// `is_cancelled()`; the request is then still under way.
void wait_for(MPI_Request& request, double timeout_seconds,
              const std::function<bool()>& is_cancelled);

}  // namespace dcgan::mpi

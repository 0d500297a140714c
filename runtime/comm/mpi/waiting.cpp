#include "runtime/comm/mpi/waiting.h"

#include <thread>

#include "runtime/comm/mpi/check.h"

namespace dcgan::mpi {

void Pause::operator()() const {
  using std::chrono::microseconds;
  const auto waited = Clock::now() - begun_;
  if (waited < microseconds(50)) return;
  if (waited < microseconds(10'000)) return std::this_thread::yield();
  std::this_thread::sleep_for(microseconds(200));
}

void wait_for(MPI_Request& request, double timeout_seconds,
              const std::function<bool()>& is_cancelled) {
  const Pause pause;
  for (;;) {
    int done = 0;
    MPI_TRY(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
    if (done != 0) return;
    if (is_cancelled()) fail(ErrorKind::peer_lost, "MPI: aborted");
    if (pause.seconds() > timeout_seconds) {
      fail(ErrorKind::peer_lost, "MPI: other ranks did not come within {} s", timeout_seconds);
    }
    pause();
  }
}

}  // namespace dcgan::mpi

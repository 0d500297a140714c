// MPI_Init and MPI_Finalize: both wait for all ranks, and neither can be interrupted.
#pragma once

#include <memory>
#include <thread>

namespace dcgan::mpi {

/// Makes both calls on a thread of its own, so that waiting for them has a limit; MPI wants them
/// from one thread. Between them the thread sleeps, and other threads may call MPI, one at a time.
/// A call that does not return keeps the thread, until the process ends.
class Process {
 public:
  /// Throws Error(peer_lost) when MPI_Init does not return in time, Error(unavailable) when MPI
  /// does not allow calls from several threads.
  explicit Process(double timeout_seconds);
  ~Process();  ///< without MPI_Finalize, unless that was called
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// MPI_Finalize; false when it does not return in time.
  bool finalize(double timeout_seconds);

 private:
  struct Shared;
  bool wait_for_thread(double timeout_seconds);

  std::shared_ptr<Shared> shared_;  // the thread may outlive the object
  std::thread thread_;
};

}  // namespace dcgan::mpi

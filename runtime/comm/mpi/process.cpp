#include "runtime/comm/mpi/process.h"

#include <mpi.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "runtime/base/errors.h"

namespace dcgan::mpi {

struct Process::Shared {
  enum class Order { none, finalize, leave };

  std::mutex mutex;
  std::condition_variable changed;
  Order order = Order::none;
  bool in_call = true;  // the thread is in MPI_Init or MPI_Finalize
  int thread_level = MPI_THREAD_SINGLE;

  void run() {
    int provided = MPI_THREAD_SINGLE;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);  // ends the process if not
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    std::unique_lock lock(mutex);
    thread_level = provided;
    in_call = false;
    changed.notify_all();
    changed.wait(lock, [&] { return order != Order::none; });
    if (order == Order::leave) return;
    lock.unlock();
    MPI_Finalize();
    lock.lock();
    in_call = false;
    changed.notify_all();
  }
};

Process::Process(double timeout_seconds)
    : shared_(std::make_shared<Shared>()), thread_([shared = shared_] { shared->run(); }) {
  if (!wait_for_thread(timeout_seconds)) {
    thread_.detach();
    fail(ErrorKind::peer_lost, "MPI_Init: the other ranks did not come within {} s",
         timeout_seconds);
  }
  if (shared_->thread_level < MPI_THREAD_SERIALIZED) {
    thread_.detach();
    fail(ErrorKind::unavailable, "MPI: the library allows calls from one thread only");
  }
}

Process::~Process() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->order == Shared::Order::none) shared_->order = Shared::Order::leave;
    shared_->changed.notify_all();
  }
  thread_.join();
}

bool Process::finalize(double timeout_seconds) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->order = Shared::Order::finalize;
    shared_->in_call = true;
    shared_->changed.notify_all();
  }
  const bool done = wait_for_thread(timeout_seconds);
  if (!done) thread_.detach();
  return done;
}

bool Process::wait_for_thread(double timeout_seconds) {
  std::unique_lock lock(shared_->mutex);
  return shared_->changed.wait_for(lock, std::chrono::duration<double>(timeout_seconds),
                                   [&] { return !shared_->in_call; });
}

}  // namespace dcgan::mpi

// Runs one function as every rank of a world of threads.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/comm/thread_world.h"

namespace dcgan::test {

/// Calls body(communicator) on one thread a rank. Rethrows the first rank's exception, in the order
/// of ranks, when all have ended. Catch2 2 does not count assertions of several threads at once:
/// compare behind the call.
inline void run_ranks(int size, const std::function<void(Communicator&)>& body,
                      double timeout_seconds = 60) {
  ThreadWorld world(size, timeout_seconds);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const std::unique_ptr<Communicator> communicator = world.communicator(rank);
        body(*communicator);
      } catch (...) {
        failures[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace dcgan::test

// Ranks that are threads of one process, for tests: the same calls as on a cluster, with every
// mismatch reported.
#pragma once

#include <memory>

#include "runtime/comm/communicator.h"

namespace dcgan {

/// A world of `size` ranks. Each rank's thread takes its communicator; both may outlive the world
/// object. On a GPU a collective waits for the stream, goes through host memory, and cannot be
/// captured.
class ThreadWorld {
 public:
  /// `timeout_seconds`: of every wait for another rank.
  explicit ThreadWorld(int size, double timeout_seconds = 60);
  ~ThreadWorld();

  /// Of rank `rank`, once. Its collectives throw Error(internal), on every rank, naming both calls
  /// where two ranks' differ, and Error(peer_lost) naming the ranks that did not come in time, were
  /// aborted or have finished.
  std::unique_ptr<Communicator> communicator(int rank);

  class Meeting;

 private:
  std::shared_ptr<Meeting> meeting_;
};

}  // namespace dcgan

// CPU ranks that MPI has started. Defined in builds with MPI only (kHasMpi).
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "runtime/comm/communicator.h"
#include "runtime/comm/launch/environment.h"

namespace dcgan {

namespace mpi {
class Process;
}

/// MPI of this process, from MPI_Init to MPI_Finalize; each happens once in a process. Where the
/// host program has called MPI_Init, both stay its own.
///
/// The session calls MPI_Finalize when it ends, if the communicator connected last has finished on
/// all ranks. If not, others may never come and would be waited for: the process then leaves MPI
/// without it, and `note` hears so. Nothing calls MPI_Abort: what becomes of the other ranks is for
/// the launcher to decide.
class MpiSession {
 public:
  using Note = std::function<void(const std::string&)>;

  /// Begins MPI, which waits for all ranks. Throws Error(config) when the launcher has not started
  /// this process for MPI, or MPI has another rank or world size than the launch;
  /// Error(unavailable) when MPI has ended in this process, or allows no calls from this thread;
  /// Error(peer_lost) when the ranks do not come within `timeout_seconds`. The other waits of the
  /// session have the same limit.
  MpiSession(const Launch& launch, double timeout_seconds, Note note = {});
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;  // one beginning, one end
  MpiSession& operator=(const MpiSession&) = delete;

  Shard shard() const { return shard_; }
  /// Rank 0's text, at most kLongestText bytes, none of them zero. Every rank calls it; what the
  /// others give is not read. Throws Error(peer_lost) when they do not within the limit.
  std::string broadcast(const std::string& text);
  static constexpr std::size_t kLongestText = 1023;

  /// For communicators: false while one is in use, true when all ranks have finished it.
  void set_all_finished(bool finished) { all_finished_ = finished; }

 private:
  Shard shard_;
  double timeout_seconds_;
  Note note_;
  std::atomic<bool> all_finished_{false};
  std::array<char, kLongestText + 1> text_{};
  std::unique_ptr<mpi::Process> process_;  // null: the host program's
};

/// The launch with a place to meet: rank 0 listens on a free port, and MPI tells the others which.
/// Its host is the launch's address, else rank 0's host name. The run's id becomes rank 0's.
Launch with_meeting_place(MpiSession& session, Launch launch);

/// Connects all ranks of the session; every rank calls it. Collectives are MPI's nonblocking ones,
/// each waited for up to `timeout_seconds` and until abort(). A rank that waits offers its core to
/// others, and behind 10 ms it sleeps between looks.
///
/// finish() waits for the other ranks' finish(). MPI has no way to cancel a collective: behind an
/// error it may still write to the tensors of the one that was under way, until the process ends.
///
/// Throws Error(config) for a GPU, Error(peer_lost) when the ranks do not come.
std::unique_ptr<Communicator> connect_mpi(std::shared_ptr<MpiSession> session,
                                          const Context& context, double timeout_seconds);

/// The loaded library and its version: "Open MPI 4.1.4". Needs no session.
std::string mpi_library();

/// The same from what MPI_Get_library_version writes.
std::string short_library_name(const std::string& text);

}  // namespace dcgan

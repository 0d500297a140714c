// Collectives between the ranks of a training.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/base/tensor.h"
#include "runtime/comm/collective_log.h"
#include "runtime/comm/peer_channel.h"
#include "runtime/comm/reduce.h"
#include "runtime/comm/shard.h"
#include "runtime/device/context.h"

namespace dcgan {

/// Connects `size()` ranks. Every rank calls the same collectives in the same order, with the same
/// element type, element count, operation and root; anything else is a bug of the caller, which an
/// implementation may detect or not (NCCL does not; the rank threads of tests do).
///
/// A collective is enqueued on the context's stream: the values are there when work enqueued after
/// it runs, and the tensors must not be changed or freed before that. On the CPU it has finished
/// when it returns.
///   - NCCL: one rank for each GPU. A call enqueues and returns, and may be captured in a Graph.
///   - TCP, MPI: CPU ranks only. A call waits for the other ranks. Not for captures.
///   - Threads of one process (tests): as TCP; on a GPU the host waits for the stream first.
///   - LocalCommunicator: one rank, no communication.
///
/// Results: every rank ends with the same bytes. Sums are made in an order that an implementation
/// chooses and repeats for the same world size, type and count; another world size may round
/// differently. Integer sums wrap.
///
/// Threads: all calls from one thread at a time, except abort(), which any thread may call at any
/// time. Two communicators must not have collectives under way on different streams of one GPU at
/// once (NCCL may deadlock).
///
/// Errors: arguments that break a promise below throw Error(internal) before any communication. A
/// rank that is lost or late throws Error(peer_lost): at the call, or at check() behind a wait for
/// the stream. After that, and after abort(), every call throws Error(peer_lost). Its message names
/// the ranks, where they are known, and ends with the last collectives of this rank.
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;  // one connection, one owner
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return shard_.rank; }
  int size() const { return shard_.world_size; }
  /// What connects the ranks, for people: "TCP", "Open MPI 4.1.4", "NCCL 2.28.3".
  virtual std::string describe() const = 0;

  /// values[i] = op over all ranks of values[i], in place. f32, f64, bf16, i32 or i64. bf16 sums
  /// are rounded as often as the library does it (NCCL: at every hop).
  void all_reduce(const Context& context, TensorView values, ReduceOp op);
  /// values = rank `root`'s values. Any element type.
  void broadcast(const Context& context, TensorView values, int root);
  /// to: (size * n) elements from `from`: (n) of every rank, in the order of ranks. Any element
  /// type. `from` may be this rank's own part of `to`; otherwise they must not overlap.
  void all_gather(const Context& context, ConstTensorView from, TensorView to);
  /// The host waits until every rank has called it. Work on streams may still be running; not
  /// for captures.
  void barrier();
  /// The work enqueued on the context so far must be done within the communicator's time limit;
  /// otherwise it aborts itself. Does not wait. For an implementation whose calls do not wait
  /// (NCCL); others do nothing. Called behind a step.
  void watch(const Context& context);
  /// Throws Error(peer_lost) when the connection has ended; called behind a wait for the stream.
  void check() const { require_connected("ranks"); }
  /// This rank is done and may end before the others, who are not told of a lost peer. No
  /// collective may follow. May wait for the other ranks to be done, too.
  void finish();
  /// Ends the connection: collectives under way on this rank stop waiting, and the other ranks are
  /// told where the implementation can. Enqueues nothing and does not wait. `reason` becomes part
  /// of later messages: of the first call; a later one does nothing.
  void abort(std::string_view reason = "aborted") noexcept;
  bool aborted() const { return aborted_.load(); }

  const CollectiveLog& log() const { return log_; }

  /// Beside the collectives: the other ranks are told of an abort and of an orderly end, and errors
  /// name those that are late. Before the first collective.
  void attach(std::unique_ptr<PeerChannel> channel) {
    channel_ = std::move(channel);
    channel_->start();
  }

 protected:
  /// Throws Error(internal) unless the shard is valid.
  explicit Communicator(Shard shard);
  /// First in an implementation's destructor: the channel's thread may call abort() until then.
  void detach() noexcept {
    if (channel_) channel_->stop();
  }

 private:
  // Called with checked arguments of at least one element, and not after abort().
  virtual void do_all_reduce(const Context& context, TensorView values, ReduceOp op) = 0;
  virtual void do_broadcast(const Context& context, TensorView values, int root) = 0;
  virtual void do_all_gather(const Context& context, ConstTensorView from, TensorView to) = 0;
  virtual void do_barrier() = 0;
  virtual void do_watch(const Context& /*context*/) {}
  virtual void do_finish() {}
  virtual void do_abort() noexcept = 0;  // once

  void require_connected(const char* call) const;
  template <class Call>
  void logged(const char* operation, std::size_t bytes, const Call& call);

  Shard shard_;
  CollectiveLog log_;
  std::atomic<bool> aborted_{false};
  mutable std::mutex reason_mutex_;
  std::string reason_;
  std::unique_ptr<PeerChannel> channel_;
};

/// The rank and the size as what loaders and noise take.
inline Shard shard_of(const Communicator& communicator) {
  return {communicator.rank(), communicator.size()};
}

}  // namespace dcgan

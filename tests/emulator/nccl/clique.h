// The state of the stand-in for NCCL. Everything here is guarded by the simulation's lock.
#pragma once

#include <nccl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/emulator/runtime/state.h"

namespace dcgan::emulator::nccl {

/// What must be equal on all ranks.
struct Signature {
  std::string_view operation;
  std::size_t count = 0;  // elements that a rank gives
  ncclDataType_t type = ncclFloat32;
  ncclRedOp_t op = ncclSum;  // of all_reduce
  int root = 0;              // of broadcast
  friend bool operator==(const Signature&, const Signature&) = default;
};
/// "all_reduce of 12 f32 (sum)".
std::string text_of(const Signature& signature);
std::size_t size_of(ncclDataType_t type);  ///< 0: not in use

struct Clique;

/// One run of a collective: a node of each rank.
class Round final : public Meeting, public std::enable_shared_from_this<Round> {
 public:
  Round(Clique& clique, std::int64_t number, const Signature& signature);

  /// A rank's node, behind `before`.
  NodePointer add(int rank, const void* from, void* to, std::vector<NodePointer> before);

  void reached(const NodePointer& node) override;
  std::vector<NodePointer> nodes() const override;
  void give_up() override;

  /// The rank's node waits no longer, and leaves no result.
  void let_go(int rank);
  void resume(int rank);
  /// "#3 all_reduce of 12 f32 (sum): ranks 0 2 wait; rank 1 has not called it".
  std::string description() const;
  const Signature& signature() const { return signature_; }

 private:
  struct Part {
    std::weak_ptr<Node> node;
    const void* from = nullptr;
    void* to = nullptr;
    int device = 0;
    bool added = false;
    bool reached = false;
    bool stalled = false;  // reached, but the rank is told to stall
    bool let_go = false;
  };
  void deliver(int rank);
  void compute();
  std::size_t bytes() const { return signature_.count * size_of(signature_.type); }

  Clique& clique_;
  std::int64_t number_;
  Signature signature_;
  std::vector<Part> parts_;  // by rank
  std::vector<std::byte> result_;
  bool computed_ = false;
};

/// The communicators that were made with one id.
struct Clique {
  std::vector<ncclComm*> ranks;                         // null: has not joined
  std::map<std::int64_t, std::weak_ptr<Round>> rounds;  // those that have nodes
  ncclResult_t error = ncclSuccess;                     // of all ranks
  std::string error_text;

  std::size_t size() const { return ranks.size(); }
  bool complete() const;
  /// All ranks get the error, and their nodes wait no longer.
  void end(ncclResult_t result, const std::string& text);
};

/// A call: enqueued once, or captured and enqueued at each replay.
class Call final : public Collective {
 public:
  Call(ncclComm& communicator, const Signature& signature, const void* from, void* to);
  ~Call() override;
  NodePointer enqueue(std::vector<NodePointer> before) override;

 private:
  ncclComm& communicator_;
  Signature signature_;
  const void* from_;
  void* to_;
};

struct Library {
  std::mt19937_64 random;
  std::map<std::string, std::unique_ptr<Clique>> cliques;  // by id
  std::vector<std::unique_ptr<ncclComm>> communicators;    // also those that have ended
  std::vector<std::string> reports;
  std::map<int, std::pair<std::int64_t, ncclResult_t>> failing;  // by rank
  std::map<int, std::int64_t> stalled;
  std::map<int, std::int64_t> lost;
  std::function<void(const char*)> hook;
};
Library& library();

/// Keeps the text for ncclGetLastError and returns `result`.
ncclResult_t explain(ncclComm& communicator, ncclResult_t result, const std::string& text);
/// The same, and a report.
ncclResult_t report(ncclComm& communicator, const std::string& text);

}  // namespace dcgan::emulator::nccl

struct ncclComm {
  enum class State { joining, ready, finalizing, ended };

  dcgan::emulator::nccl::Clique* clique = nullptr;
  int rank = 0;
  int device = 0;
  State state = State::joining;
  std::int64_t calls = 0;
  std::int64_t runs = 0;
  dcgan::emulator::NodePointer last;         // of its latest run
  std::function<ncclResult_t()> unfinished;  // of the call in progress
  std::uint64_t polls_left = 0;
  std::size_t calls_kept = 0;  // by graphs
  bool aborted = false;
  ncclResult_t error = ncclSuccess;
  std::string error_text;
  std::thread::id user;  // inside a call
  std::thread::id finalizer;
};

namespace dcgan::emulator::nccl {

/// Every call for a communicator goes through it: refused after the communicator's end, and when
/// another thread is inside a call.
ncclResult_t begin_call(ncclComm_t communicator, const char* function);
void end_call(ncclComm& communicator);

template <class Body>
ncclResult_t nccl_call(ncclComm_t communicator, const char* function, const Body& body) {
  if (const ncclResult_t result = begin_call(communicator, function); result != ncclSuccess) {
    return result;
  }
  const std::lock_guard lock(simulation().mutex);
  const ncclResult_t result = body(*communicator);
  end_call(*communicator);
  return result;
}

}  // namespace dcgan::emulator::nccl

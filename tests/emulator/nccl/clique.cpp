// Collectives as nodes: which ranks' calls belong together, and when they may run.
#include "tests/emulator/nccl/clique.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/emulator/nccl/reduction.h"

namespace dcgan::emulator::nccl {
namespace {

const char* name_of(ncclDataType_t type) {
  switch (type) {
    case ncclFloat32:
      return "f32";
    case ncclBfloat16:
      return "bf16";
    case ncclFloat64:
      return "f64";
    case ncclUint8:
      return "u8";
    case ncclInt32:
      return "i32";
    case ncclInt64:
      return "i64";
    default:
      return "(a type not in use)";
  }
}

bool is_from(const std::map<int, std::int64_t>& from, int rank, std::int64_t number) {
  const auto found = from.find(rank);
  return found != from.end() && number >= found->second;
}

void require_alive(const void* data, std::size_t bytes, const char* what) {
  if (find_allocation(data, bytes) == nullptr) {
    throw DeviceFault(cudaErrorIllegalAddress, std::string(what) + " was freed before this ran");
  }
}

// The other ranks hear that this one is gone.
void tell_of_loss(Clique& clique, int rank, const std::string& where) {
  for (ncclComm* other : clique.ranks) {
    if (other == nullptr || other->rank == rank || other->error != ncclSuccess) continue;
    explain(*other, other->error = ncclRemoteError,
            fmt::format("connection closed by rank {} in {}", rank, where));
  }
}

}  // namespace

std::size_t size_of(ncclDataType_t type) {
  switch (type) {
    case ncclUint8:
      return 1;
    case ncclBfloat16:
      return 2;
    case ncclFloat32:
    case ncclInt32:
      return 4;
    case ncclFloat64:
    case ncclInt64:
      return 8;
    default:
      return 0;
  }
}

std::string text_of(const Signature& signature) {
  std::string text =
      fmt::format("{} of {} {}", signature.operation, signature.count, name_of(signature.type));
  if (signature.operation == "all_reduce") {
    text += signature.op == ncclMin ? " (min)" : signature.op == ncclMax ? " (max)" : " (sum)";
  }
  if (signature.operation == "broadcast") {
    text += fmt::format(" from {}", signature.root);
  }
  return text;
}

Round::Round(Clique& clique, std::int64_t number, const Signature& signature)
    : clique_(clique), number_(number), signature_(signature), parts_(clique.size()) {}

NodePointer Round::add(int rank, const void* from, void* to, std::vector<NodePointer> before) {
  Part& part = parts_[static_cast<std::size_t>(rank)];
  const int device = clique_.ranks[static_cast<std::size_t>(rank)]->device;
  const NodePointer node = add_node(
      std::string(signature_.operation),
      [round = shared_from_this(), rank] { round->deliver(rank); }, std::move(before), device);
  node->meeting = shared_from_this();
  part.node = node;
  part.from = from;
  part.to = to;
  part.device = device;
  part.added = true;
  return node;
}

void Round::reached(const NodePointer& node) {
  std::size_t rank = 0;
  while (parts_[rank].node.lock() != node) ++rank;
  const bool lost = is_from(library().lost, static_cast<int>(rank), number_);
  if (lost) tell_of_loss(clique_, static_cast<int>(rank), description());
  parts_[rank].stalled = lost || is_from(library().stalled, static_cast<int>(rank), number_);
  if (parts_[rank].stalled) return;
  parts_[rank].reached = true;
  if (!std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.reached; })) {
    return;
  }
  for (const NodePointer& one : nodes()) release(one);
}

std::vector<NodePointer> Round::nodes() const {
  std::vector<NodePointer> result;
  for (const Part& part : parts_) {
    if (NodePointer node = part.node.lock()) result.push_back(std::move(node));
  }
  return result;
}

void Round::give_up() {
  clique_.end(ncclInternalError, "waited too long for " + description());
  library().reports.push_back(clique_.error_text);
}

void Round::let_go(int rank) {
  Part& part = parts_[static_cast<std::size_t>(rank)];
  part.let_go = true;
  if (const NodePointer node = part.node.lock()) release(node);
}

void Round::resume(int rank) {
  Part& part = parts_[static_cast<std::size_t>(rank)];
  const NodePointer node = part.node.lock();
  if (part.stalled && !part.let_go && node != nullptr) reached(node);
}

std::string Round::description() const {
  std::string text = fmt::format("#{} {}:", number_, text_of(signature_));
  for (std::size_t rank = 0; rank < parts_.size(); ++rank) {
    const Part& part = parts_[rank];
    text += fmt::format(" rank {} {};", rank,
                        part.reached   ? "waits in it"
                        : part.stalled ? "is stalled in it"
                        : part.added   ? "has it enqueued"
                                       : "has not called it");
  }
  text.pop_back();
  return text;
}

// What a collective gives that was ended is undefined: NaN here.
void Round::deliver(int rank) {
  const Part& part = parts_[static_cast<std::size_t>(rank)];
  const bool gathers = signature_.operation == "all_gather";
  const std::size_t size = gathers ? bytes() * parts_.size() : bytes();
  require_alive(part.to, size, "target");
  if (part.let_go) {
    std::memset(part.to, 0xff, size);
    return;
  }
  if (!computed_) compute();
  std::memcpy(part.to, result_.data(), size);
}

// All ranks are reached and none has gone on. Inputs are read as late as they may be.
void Round::compute() {
  std::vector<const void*> from;
  for (const Part& part : parts_) {
    require_alive(part.from, bytes(), "source");
    from.push_back(part.from);
  }
  result_.resize(bytes());
  if (signature_.operation == "all_reduce") {
    reduce(from, signature_.count, signature_.type, signature_.op, result_.data());
  } else if (signature_.operation == "broadcast") {
    std::memcpy(result_.data(), from[static_cast<std::size_t>(signature_.root)], bytes());
  } else {
    result_.resize(bytes() * parts_.size());
    for (std::size_t rank = 0; rank < from.size(); ++rank) {
      std::memcpy(result_.data() + rank * bytes(), from[rank], bytes());
    }
  }
  computed_ = true;
}

bool Clique::complete() const {
  return std::all_of(ranks.begin(), ranks.end(), [](const ncclComm* one) { return one; });
}

void Clique::end(ncclResult_t result, const std::string& text) {
  if (error == ncclSuccess) {
    error = result;
    error_text = text;
  }
  for (const auto& [number, open] : rounds) {
    const std::shared_ptr<Round> round = open.lock();
    if (round == nullptr) continue;
    for (std::size_t rank = 0; rank < size(); ++rank) round->let_go(static_cast<int>(rank));
  }
}

Call::Call(ncclComm& communicator, const Signature& signature, const void* from, void* to)
    : Collective(&communicator),
      communicator_(communicator),
      signature_(signature),
      from_(from),
      to_(to) {
  ++communicator_.calls_kept;
}

Call::~Call() { --communicator_.calls_kept; }

NodePointer Call::enqueue(std::vector<NodePointer> before) {
  ncclComm& own = communicator_;
  Clique& clique = *own.clique;
  const std::int64_t number = ++own.runs;
  if (own.state == ncclComm::State::ended) {
    report(own, fmt::format("rank {}: a replay of {} after the communicator's end", own.rank,
                            text_of(signature_)));
  }
  std::erase_if(clique.rounds, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<Round> round = clique.rounds[number].lock();
  if (round == nullptr) round = std::make_shared<Round>(clique, number, signature_);
  clique.rounds[number] = round;
  const bool differs = !(round->signature() == signature_);
  before.push_back(own.last);
  if (differs) {
    report(own, fmt::format("{}; rank {} calls {} instead", round->description(), own.rank,
                            text_of(signature_)));
    round = std::make_shared<Round>(clique, number, signature_);  // of this rank alone
  }
  own.last = round->add(own.rank, from_, to_, std::move(before));
  for (const ncclComm* other : clique.ranks) {
    if (other == nullptr || other->state != ncclComm::State::finalizing || other->runs >= number) {
      continue;
    }
    report(own, fmt::format("{}; rank {} has finished after #{}", round->description(), other->rank,
                            other->runs));
  }
  if (clique.error != ncclSuccess || own.state == ncclComm::State::ended) round->let_go(own.rank);
  return own.last;
}

}  // namespace dcgan::emulator::nccl

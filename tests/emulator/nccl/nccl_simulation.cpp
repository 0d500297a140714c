#include "tests/emulator/nccl/nccl_simulation.h"

#include <utility>

#include "tests/emulator/nccl/clique.h"

namespace dcgan::emulator::nccl {

void reset(std::uint64_t seed) {
  const std::lock_guard lock(simulation().mutex);
  Library& nccl = library();
  nccl.random.seed(seed);
  nccl.reports.clear();
  nccl.failing.clear();
  nccl.stalled.clear();
  nccl.lost.clear();
  nccl.hook = nullptr;
}

std::vector<std::string> reports() {
  const std::lock_guard lock(simulation().mutex);
  return library().reports;
}

void fail_call(int rank, std::int64_t call, ncclResult_t result) {
  const std::lock_guard lock(simulation().mutex);
  library().failing[rank] = {call, result};
}

void stall(int rank, std::int64_t run) {
  const std::lock_guard lock(simulation().mutex);
  library().stalled[rank] = run;
}

void resume(int rank) {
  const std::lock_guard lock(simulation().mutex);
  library().stalled.erase(rank);
  for (const auto& [id, clique] : library().cliques) {
    const auto rounds = clique->rounds;
    for (const auto& [number, open] : rounds) {
      const std::shared_ptr<Round> round = open.lock();
      if (round != nullptr && static_cast<std::size_t>(rank) < clique->size()) round->resume(rank);
    }
  }
}

void lose(int rank, std::int64_t run) {
  const std::lock_guard lock(simulation().mutex);
  library().lost[rank] = run;
}

void on_call(std::function<void(const char*)> hook) {
  const std::lock_guard lock(simulation().mutex);
  library().hook = std::move(hook);
}

}  // namespace dcgan::emulator::nccl

#include <map>

#include "runtime/comm/nccl/nccl.h"

namespace dcgan {

void require_distinct_gpus(std::span<const std::string> identities) {
  std::map<std::string, std::size_t> rank_of;
  for (std::size_t rank = 0; rank < identities.size(); ++rank) {
    const auto [found, is_new] = rank_of.try_emplace(identities[rank], rank);
    if (is_new) continue;
    fail(ErrorKind::unavailable,
         "ranks {} and {} are on one GPU ({}): NCCL needs one GPU for each rank; start no more "
         "ranks "
         "than GPUs, each with its own local rank",
         found->second, rank, identities[rank]);
  }
}

}  // namespace dcgan

#include "runtime/comm/shard.h"

#include "runtime/base/errors.h"

namespace dcgan {

void require_valid(const Shard& shard) {
  DCGAN_CHECK(shard.rank >= 0 && shard.rank < shard.world_size,
              "shard: rank {} of a world of {} does not exist", shard.rank, shard.world_size);
}

}  // namespace dcgan

// The ranks of several GPUs: NCCL. Only distinct GPUs are defined in builds without it (kHasNccl).
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "runtime/comm/communicator.h"

namespace dcgan {

/// What the ranks of one communicator have in common. Rank 0 makes it; another way than NCCL takes
/// it to the others.
struct NcclId {
  std::array<std::byte, 128> bytes{};
};

/// Opens a socket on which the ranks will find rank 0. Throws Error(unavailable) with NCCL's text.
NcclId make_nccl_id();

/// Waits until all ranks of the world have called it. The context is a GPU's, for this rank alone,
/// and must outlive the communicator, as must its device. `timeout_seconds` limits every wait for
/// another rank: here, in a call, a barrier, finish(), and for watched work.
///
/// Enqueues on the context that a call is given: this one or another of the same GPU. One
/// communicator's collectives run in the order of the calls, also on several streams (NCCL orders
/// them): all ranks must make them in the same order. A later one on another stream waits for the
/// earlier ones, so call first what is ready first. A graph that holds collectives must be
/// destroyed before finish() and before the communicator: NCCL waits for that, without a limit.
/// NCCL prepares much at the first collective of a kind: make one of each before a capture.
///
/// A thread of the communicator looks at watched work and at NCCL's asynchronous errors until the
/// communicator is destroyed. Work that is not done within the limit (five times as long until some
/// has been done for the first time, because libraries warm up), or an error, ends the connection;
/// kernels that wait for other ranks then return, with undefined results.
///
/// Throws Error(peer_lost) with NCCL's text when the others do not come, Error(unavailable) when
/// NCCL cannot use what it finds, for instance two ranks on one GPU.
std::unique_ptr<Communicator> connect_nccl(const Context& context, Shard shard, const NcclId& id,
                                           double timeout_seconds);

/// "HOST GPU-UUID" of the context's GPU.
std::string gpu_identity(const Context& context);

/// Throws Error(unavailable) naming two ranks and their GPU unless the identities of all ranks, by
/// rank, differ. NCCL may wait for ever otherwise.
void require_distinct_gpus(std::span<const std::string> identities);

}  // namespace dcgan

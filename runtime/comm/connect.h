// From "which rank am I" to a communicator of all ranks.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/base/enum_names.h"
#include "runtime/comm/communicator.h"
#include "runtime/comm/launch/environment.h"

namespace dcgan {

/// What carries the ranks' values.
enum class Transport {
  automatic,  ///< GPUs: NCCL; CPU ranks: MPI where it launched them, else TCP
  nccl,
  mpi,
  tcp,
};

constexpr auto enum_table(Transport) {
  return NameTable<Transport, 4>{{{"auto", Transport::automatic},
                                  {"nccl", Transport::nccl},
                                  {"mpi", Transport::mpi},
                                  {"tcp", Transport::tcp}}};
}

struct ConnectOptions {
  Transport transport = Transport::automatic;
  double timeout_seconds = 600;                  ///< of every wait for another rank, also the first
  std::function<void(const std::string&)> note;  ///< hears what is passed over; empty: nobody
};

/// Waits for all ranks of the launch and connects them. A world of one gets a LocalCommunicator.
/// The context must outlive the communicator, which starts a thread that ends with it. Throws
/// Error(config) when ranks contradict each other (twice the same rank, another world size, another
/// version of the program) or the transport does not fit device or launch, Error(unavailable) when
/// this build lacks it or two ranks share a GPU, Error(peer_lost) naming the ranks that did not
/// come in time.
std::unique_ptr<Communicator> connect_ranks(const Context& context, const Launch& launch,
                                            const ConnectOptions& options);

}  // namespace dcgan

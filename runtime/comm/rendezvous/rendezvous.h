// How ranks meet: each says hello to rank 0, which checks what they say, and tells all where the
// others are. The connections stay, for what ranks tell each other later.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/comm/launch/environment.h"
#include "runtime/comm/tcp/socket.h"

namespace dcgan {

/// One rank, as the others see it.
struct Peer {
  int rank = 0;
  std::string host;     ///< its machine's name
  std::string device;   ///< "cpu", or what tells one GPU from another
  std::string address;  ///< where its data socket listens
  int port = 0;
};

struct RendezvousOptions {
  double timeout_seconds = 600;
  std::string device = "cpu";
  std::function<void(const std::string&)> note;  ///< of clients that are no ranks, and of a rank
                                                 ///< that waits for rank 0; may be empty
};

/// What has come of a meeting.
struct Meeting {
  std::vector<Peer> peers;      ///< by rank
  std::vector<Socket> sockets;  ///< rank 0: by rank, its own not open; others: one, to rank 0
  Socket listener;              ///< of data, at this rank's Peer::port
};

/// Waits for all ranks. Rank 0 listens on the launch's port, or the first that is free of some that
/// follow from port and run, and takes the others' hellos; a client that is no rank of this run is
/// dropped. Throws Error(config) on every rank that has come when two contradict each other (the
/// same rank twice, another world size, another program version, another kind of device) or the
/// port is taken; Error(peer_lost) naming the ranks that have not come in time, or the address
/// where rank 0 did not answer.
Meeting meet(const Launch& launch, const RendezvousOptions& options);

/// Every rank's text, by rank, over the meeting's sockets. All ranks call it in the same order.
std::vector<std::string> exchange_texts(const Meeting& meeting, int rank, const std::string& text,
                                        double timeout_seconds);

}  // namespace dcgan

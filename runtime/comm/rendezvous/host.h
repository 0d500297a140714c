// Rank 0's side of a meeting.
#pragma once

#include <vector>

#include "runtime/comm/rendezvous/rendezvous.h"

namespace dcgan::rendezvous {

/// Takes the other ranks' hellos, then tells everybody who the others are. Throws as meet().
void host_meeting(const Launch& launch, const RendezvousOptions& options, const Peer& own,
                  Meeting& meeting);

}  // namespace dcgan::rendezvous

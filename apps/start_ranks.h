// Starts the ranks of a run on this machine, as a launcher does.
#pragma once

namespace dcgan {

/// Starts `count` processes of this program with the same arguments, whose environment says which
/// rank each is (runtime/comm/launch/environment.h), and waits for all. Rank 0 keeps standard
/// output and error; the lines of the others get a prefix "[rank] ". SIGINT, SIGTERM, SIGUSR1 and
/// SIGHUP are passed on. When a rank fails the others have 15 seconds to end by themselves; then
/// they are terminated. When this process dies, they get SIGTERM. Returns the exit code of the
/// first rank that failed by itself and not because of another, 128 + N for signal N; 0: all are
/// done. Throws Error(io).
int start_ranks(int count);

}  // namespace dcgan

// connect_ranks() in processes that mpirun has started: a session of its own, because MPI has
// begun.
#include "runtime/comm/connect.h"

#include <unistd.h>

#include <vector>

#include "tests/runtime/comm/mpi/session.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

void check_sum(Communicator& ranks) {
  float value = static_cast<float>(ranks.rank() + 1);
  ranks.all_reduce(Context{Device{}}, TensorView(&value, {1}), ReduceOp::sum);
  CHECK(value == static_cast<float>(ranks.size() * (ranks.size() + 1) / 2));
}

}  // namespace

TEST_CASE("MPI tells the ranks where to meet, and carries their values") {
  const Context context{Device{}};
  for (const auto& [transport, name] : {std::pair{Transport::automatic, mpi_library()},
                                        {Transport::mpi, mpi_library()},
                                        {Transport::tcp, std::string("TCP")}}) {
    CAPTURE(name);
    const Launch launch = test::mpi_launch();  // no address
    const auto ranks = connect_ranks(context, launch, {transport, test::kTimeoutSeconds, {}});
    CHECK(shard_of(*ranks) == launch.shard);
    if (launch.is_distributed()) CHECK(ranks->describe() == name);
    check_sum(*ranks);
    ranks->finish();
  }
}

TEST_CASE("the meeting place that MPI tells has rank 0's host, port and run") {
  Launch launch = test::mpi_launch();
  launch.run_id = launch.shard.rank == 0 ? "run 7" : "not told";
  launch.port = 4567;
  launch.port_is_taken = true;
  launch.address = "127.0.0.1";
  const Launch told = with_meeting_place(*test::mpi_session(), launch);
  CHECK(told.address == "127.0.0.1");
  CHECK(told.run_id == "run 7");
  CHECK(told.port > 0);
  CHECK(told.port != 4567);
  CHECK_FALSE(told.port_is_taken);
  CHECK((told.listening_descriptor >= 0) == (launch.shard.rank == 0));
  if (told.listening_descriptor >= 0) ::close(told.listening_descriptor);
  launch.address.clear();
  const Launch by_name = with_meeting_place(*test::mpi_session(), launch);
  CHECK_FALSE(by_name.address.empty());
  if (by_name.listening_descriptor >= 0) ::close(by_name.listening_descriptor);
}

TEST_CASE("a launch that contradicts MPI is refused, naming both") {
  Launch launch = test::mpi_launch();
  launch.source = "Slurm";
  launch.shard.world_size += 1;
  DCGAN_CHECK_FAILS(MpiSession(launch, 1), ErrorKind::config, "Slurm says rank ");
  DCGAN_CHECK_FAILS(MpiSession(launch, 1), ErrorKind::config, "MPI says rank ");
}

TEST_CASE("a launch that does not say where rank 0 is asks for it") {
  Launch launch = test::mpi_launch();
  launch.has_mpi = false;
  launch.shard = {0, 2};
  launch.source = "a launcher";
  const Context context{Device{}};
  DCGAN_CHECK_FAILS(connect_ranks(context, launch, {Transport::automatic, 1, {}}),
                    ErrorKind::config, "a launcher does not say where rank 0 is: set MASTER_ADDR");
}

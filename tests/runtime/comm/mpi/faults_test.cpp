// What a rank says when others do not come. Each case spoils MPI for the process, so that it is
// hidden and run alone, by faults_test.py.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <thread>

#include "runtime/base/host_tensor.h"
#include "tests/runtime/comm/mpi/session.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using std::chrono::milliseconds;
using test::mpi_session;

namespace {

std::unique_ptr<Communicator> connect(double timeout_seconds) {
  return connect_mpi(mpi_session(), Context{Device{}}, timeout_seconds);
}

bool is_last(const Communicator& ranks) { return ranks.rank() == ranks.size() - 1; }

// The message of the Error that ends the call.
template <class Call>
std::string failure_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::peer_lost);
    return error.what();
  }
  FAIL("nothing was thrown");
  return {};
}

}  // namespace

TEST_CASE("an MPI rank that is late is given up after the limit, with the call and its number",
          "[.late]") {
  const auto ranks = connect(0.5);
  ranks->barrier();
  if (is_last(*ranks)) return std::this_thread::sleep_for(milliseconds(2500));
  const std::string text = failure_of([&] { ranks->barrier(); });
  CHECK_THAT(text, Contains("barrier: rank ") && Contains("did not come within 0.5 s") &&
                       Contains("#2 barrier 0.0 MB since"));
  float value = 1;
  DCGAN_CHECK_FAILS(ranks->all_reduce(Context{Device{}}, TensorView(&value, {1}), ReduceOp::sum),
                    ErrorKind::peer_lost, "did not come within");
  CHECK_NOTHROW(ranks->finish());  // has nothing to wait for
}

TEST_CASE("abort() from another thread ends the wait of an MPI rank at once", "[.abort]") {
  const auto ranks = connect(test::kTimeoutSeconds);
  ranks->barrier();
  if (is_last(*ranks)) return std::this_thread::sleep_for(milliseconds(2500));
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds(200));
    ranks->abort("rank 2: connection lost");
  });
  std::vector<float> values(100'000);
  const std::string text = failure_of([&] {
    ranks->all_reduce(Context{Device{}}, TensorView(values.data(), {100'000}), ReduceOp::sum);
  });
  other.join();
  CHECK_THAT(text, Contains("all_reduce: rank ") && Contains(": rank 2: connection lost"));
}

TEST_CASE("an MPI rank that does not finish is not waited for without a limit", "[.unfinished]") {
  const auto ranks = connect(0.5);
  if (is_last(*ranks)) return std::this_thread::sleep_for(milliseconds(2500));
  CHECK_THAT(failure_of([&] { ranks->finish(); }),
             Contains("finish: rank ") && Contains("did not come within 0.5 s"));
}

TEST_CASE("an MPI rank that is stopped is given up after the limit", "[.stopped]") {
  const auto ranks = connect(1);
  ranks->barrier();
  if (is_last(*ranks)) {
    std::printf("process %d stops\n", static_cast<int>(getpid()));
    std::fflush(stdout);
    std::raise(SIGSTOP);
  }
  CHECK_THAT(failure_of([&] {
               for (;;) ranks->barrier();
             }),
             Contains("did not come within 1 s"));
}

TEST_CASE("an MPI rank that is killed is given up after the limit", "[.killed]") {
  const auto ranks = connect(1);
  ranks->barrier();
  if (is_last(*ranks)) std::raise(SIGKILL);
  CHECK_THAT(failure_of([&] {
               for (;;) ranks->barrier();
             }),
             Contains("did not come within 1 s"));
}

// A test program whose processes are the ranks: mpirun -n N test_mpi. Every rank runs the same test
// cases in the same order.
#define CATCH_CONFIG_RUNNER
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "tests/runtime/comm/mpi/session.h"
#include "tests/support/catch.h"

namespace dcgan::test {
namespace {

std::shared_ptr<MpiSession> the_session;

// Open MPI's variable, or that of MPICH and Intel MPI.
std::optional<int> number(const char* open_mpi, const char* mpich) {
  const char* text = std::getenv(open_mpi);
  if (text == nullptr) text = std::getenv(mpich);
  if (text == nullptr) return std::nullopt;
  return std::atoi(text);
}

}  // namespace

Launch mpi_launch() {
  Launch launch;
  launch.source = "mpirun";
  launch.shard.rank = number("OMPI_COMM_WORLD_RANK", "PMI_RANK").value_or(0);
  const std::optional<int> size = number("OMPI_COMM_WORLD_SIZE", "PMI_SIZE");
  launch.shard.world_size = size.value_or(1);
  launch.has_mpi = size.has_value();
  return launch;
}

const std::shared_ptr<MpiSession>& mpi_session() { return the_session; }

}  // namespace dcgan::test

// Open MPI leaks, and unloads its plug-ins: their leaks have no names that a list could hold.
extern "C" __attribute__((visibility("default"))) int __lsan_is_turned_off() { return 1; }

int main(int argc, char** argv) {
  using namespace dcgan;
  try {
    const char* seconds = std::getenv("DCGAN_TEST_MPI_SECONDS");  // for faults_test.py
    test::the_session = std::make_shared<MpiSession>(
        test::mpi_launch(), seconds == nullptr ? test::kTimeoutSeconds : std::atof(seconds),
        [](const std::string& note) { std::fprintf(stderr, "%s\n", note.c_str()); });
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
  const int failures = Catch::Session().run(argc, argv);
  test::the_session.reset();
  return failures;
}

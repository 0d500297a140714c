// MPI of the test program: begun by main(), the same for all test cases.
#pragma once

#include "runtime/comm/mpi/mpi_communicator.h"

namespace dcgan::test {

/// Of every wait that is meant to succeed: many ranks share few cores here.
constexpr double kTimeoutSeconds = 60;

/// As mpirun's environment says.
Launch mpi_launch();
const std::shared_ptr<MpiSession>& mpi_session();

}  // namespace dcgan::test

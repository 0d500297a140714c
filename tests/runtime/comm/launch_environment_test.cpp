#include "runtime/comm/launch/environment.h"

#include <map>

#include "runtime/base/errors.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

using Environment = std::map<std::string, std::string>;

Launch launch_in(const Environment& environment) {
  return find_launch([&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    if (found == environment.end()) return std::nullopt;
    return found->second;
  });
}

const Environment kTorchrun = {{"RANK", "5"},
                               {"LOCAL_RANK", "1"},
                               {"LOCAL_WORLD_SIZE", "4"},
                               {"WORLD_SIZE", "8"},
                               {"GROUP_RANK", "1"},
                               {"MASTER_ADDR", "node-a"},
                               {"MASTER_PORT", "29500"},
                               {"TORCHELASTIC_RUN_ID", "none"},
                               {"TORCHELASTIC_RESTART_COUNT", "2"},
                               {"TORCHELASTIC_USE_AGENT_STORE", "True"}};
const Environment kOpenMpi = {{"OMPI_COMM_WORLD_RANK", "2"},
                              {"OMPI_COMM_WORLD_SIZE", "4"},
                              {"OMPI_COMM_WORLD_LOCAL_RANK", "2"},
                              {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                              {"PMIX_RANK", "2"},
                              {"PMIX_NAMESPACE", "1234567"}};
const Environment kSlurm = {{"SLURM_PROCID", "3"},
                            {"SLURM_LOCALID", "1"},
                            {"SLURM_STEP_NUM_TASKS", "4"},
                            {"SLURM_STEP_NUM_NODES", "2"},
                            {"SLURM_STEP_NODELIST", "gpu[07-08]"},
                            {"SLURM_NTASKS", "4"},
                            {"SLURM_JOB_ID", "77"},
                            {"SLURM_STEP_ID", "0"}};

Environment with(Environment environment, const Environment& more) {
  for (const auto& [name, value] : more) environment[name] = value;
  return environment;
}

}  // namespace

TEST_CASE("without a launcher a process is a world of one") {
  const Launch launch = launch_in({});
  CHECK(launch.shard == Shard{0, 1});
  CHECK_FALSE(launch.is_distributed());
  // A batch script without srun, and a job's own variables.
  CHECK_FALSE(launch_in({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}}).is_distributed());
}

TEST_CASE("torchrun's variables, whose port is the agent's") {
  const Launch launch = launch_in(kTorchrun);
  CHECK(launch.source == "torchrun");
  CHECK(launch.shard == Shard{5, 8});
  CHECK(launch.local_rank == 1);
  CHECK(launch.local_size == 4);
  CHECK(launch.address == "node-a");
  CHECK(launch.port == 29500);
  CHECK(launch.port_is_taken);
  CHECK(launch.run_id == "none restart 2");
  CHECK_FALSE(launch.has_mpi);
}

TEST_CASE("plain variables, as Kubernetes sets them") {
  const Launch launch = launch_in({{"RANK", "1"},
                                   {"WORLD_SIZE", "2"},
                                   {"MASTER_ADDR", "job-master-0"},
                                   {"MASTER_PORT", "23456"}});
  CHECK(launch.source == "RANK and WORLD_SIZE");
  CHECK(launch.shard == Shard{1, 2});
  CHECK(launch.local_rank == 0);
  CHECK_FALSE(launch.port_is_taken);
}

TEST_CASE("Open MPI's variables: ranks of one machine find each other without MPI, too") {
  const Launch launch = launch_in(kOpenMpi);
  CHECK(launch.source == "Open MPI");
  CHECK(launch.shard == Shard{2, 4});
  CHECK(launch.has_mpi);
  CHECK(launch.address == "127.0.0.1");
  CHECK(launch.port_is_taken);
  const Launch of_two = launch_in(with(kOpenMpi, {{"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}}));
  CHECK(of_two.address.empty());
  CHECK(launch_in(with(kOpenMpi, {{"MASTER_ADDR", "host"}, {"MASTER_PORT", "4000"}})).port == 4000);
}

TEST_CASE("MPICH's and Intel MPI's variables") {
  const Launch launch = launch_in(
      {{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}, {"MPI_LOCALRANKID", "1"}, {"MPI_LOCALNRANKS", "3"}});
  CHECK(launch.shard == Shard{1, 3});
  CHECK(launch.local_rank == 1);
  CHECK(launch.has_mpi);
}

TEST_CASE("a step of Slurm: rank 0's host is the first of its nodes") {
  const Launch launch = launch_in(kSlurm);
  CHECK(launch.source == "Slurm");
  CHECK(launch.shard == Shard{3, 4});
  CHECK(launch.local_rank == 1);
  CHECK(launch.address == "gpu07");
  CHECK(launch.port >= 10000);
  CHECK(launch.run_id.find("77.0") == 0);
  const auto host = [](const char* list) {
    return launch_in(with(kSlurm, {{"SLURM_STEP_NODELIST", list}})).address;
  };
  CHECK(host("node[01-03,07],gpu5") == "node01");
  CHECK(host("node9,node10") == "node9");
  CHECK(host("rack[1-2]n[03,05],other") == "rack1n03");
  CHECK(host("login") == "login");
}

TEST_CASE("a launcher inside another's step counts, not the step") {
  CHECK(launch_in(with(kTorchrun, kSlurm)).source == "torchrun");
  CHECK(launch_in(with(kOpenMpi, kSlurm)).shard == Shard{2, 4});
  const Launch started = launch_in(with(kSlurm, {{"RANK", "1"},
                                                 {"WORLD_SIZE", "2"},
                                                 {"LOCAL_RANK", "1"},
                                                 {"MASTER_ADDR", "127.0.0.1"},
                                                 {"MASTER_PORT", "4001"},
                                                 {"DCGAN_RUN_ID", "ab12"},
                                                 {"DCGAN_LISTEN_FD", "3"}}));
  CHECK(started.source == "--ranks");
  CHECK(started.listening_descriptor == 3);
}

TEST_CASE("variables that disagree, miss or make no sense are named") {
  const auto refused = [](const Environment& environment, const char* text) {
    DCGAN_CHECK_FAILS(launch_in(environment), ErrorKind::config, text);
  };
  refused(with(kOpenMpi, {{"RANK", "0"}, {"WORLD_SIZE", "2"}}),
          "RANK=0 of WORLD_SIZE=2, but OMPI_COMM_WORLD_RANK=2 of OMPI_COMM_WORLD_SIZE=4");
  refused(with(kSlurm, {{"RANK", "0"}, {"WORLD_SIZE", "1"}}), "SLURM_PROCID=3");
  refused({{"RANK", "0"}}, "RANK=0 is set, WORLD_SIZE is not");
  refused({{"WORLD_SIZE", "2"}}, "WORLD_SIZE=2 is set, RANK is not");
  refused({{"RANK", "2"}, {"WORLD_SIZE", "2"}}, "RANK=2 is not a number from 0 to 1");
  refused({{"RANK", "0"}, {"WORLD_SIZE", "two"}}, "WORLD_SIZE=two is not a number");
  refused({{"RANK", "-1"}, {"WORLD_SIZE", "2"}}, "RANK=-1");
  refused({{"RANK", "0"}, {"WORLD_SIZE", "2"}}, "MASTER_ADDR");
  refused({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}}, "MASTER_PORT");
  refused(with(kTorchrun, {{"MASTER_PORT", "123456"}}), "MASTER_PORT=123456");
}

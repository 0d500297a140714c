#include "runtime/comm/launch/environment.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

constexpr int kMostRanks = 1'000'000;

/// The variables in which one launcher tells a process who it is.
struct Source {
  const char* name;
  const char* rank;
  const char* size;
  const char* local_rank;
  const char* local_size;
};
constexpr Source kPlain{"RANK and WORLD_SIZE", "RANK", "WORLD_SIZE", "LOCAL_RANK",
                        "LOCAL_WORLD_SIZE"};
constexpr Source kOpenMpi{"Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                          "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"};
constexpr Source kPmi{"MPI (PMI)", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"};
// Those of a step: SLURM_NTASKS is there without srun, too.
constexpr Source kSlurm{"Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", ""};

/// Reads variables with their checks.
class Variables {
 public:
  explicit Variables(const ReadEnvironment& read) : read_(read) {}

  bool has(const char* name) const { return read_(name).has_value(); }
  std::string text(const char* name) const { return read_(name).value_or(""); }

  int number(const char* name, int low, int high) const {
    const std::string text = this->text(name);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) {
      fail(ErrorKind::config, "launch: {}={} is not a number from {} to {}", name, text, low, high);
    }
    return value;
  }

  std::optional<Launch> launch_of(const Source& source) const {
    if (!has(source.rank) && !has(source.size)) return std::nullopt;
    for (const auto& [there, missing] :
         {std::pair{source.rank, source.size}, std::pair{source.size, source.rank}}) {
      if (!has(missing)) {
        fail(ErrorKind::config, "launch: {}={} is set, {} is not", there, text(there), missing);
      }
    }
    Launch launch;
    launch.source = source.name;
    launch.shard.world_size = number(source.size, 1, kMostRanks);
    launch.shard.rank = number(source.rank, 0, launch.shard.world_size - 1);
    launch.local_size = launch.is_distributed() ? 0 : 1;
    if (has(source.local_size)) {
      launch.local_size = number(source.local_size, 1, launch.shard.world_size);
    }
    if (has(source.local_rank)) {
      launch.local_rank = number(source.local_rank, 0, launch.shard.world_size - 1);
    } else if (launch.local_size == launch.shard.world_size) {
      launch.local_rank = launch.shard.rank;
    }
    return launch;
  }

 private:
  const ReadEnvironment& read_;
};

void require_agreement(const Variables& variables, const Source& a, const Launch& of_a,
                       const Source& b, const Launch& of_b) {
  if (of_a.shard == of_b.shard) return;
  fail(ErrorKind::config,
       "launch: {}={} of {}={}, but {}={} of {}={}: unset the two that are wrong", a.rank,
       variables.text(a.rank), a.size, variables.text(a.size), b.rank, variables.text(b.rank),
       b.size, variables.text(b.size));
}

// FNV-1a: only to spread names over ports.
std::uint32_t spread(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

// Where nobody has told a port, one that follows from the run, and others behind it if it is taken.
void choose_port(const std::string& run, Launch& launch) {
  constexpr std::uint32_t kFirst = 10000, kCount = 20000;  // below the ports that systems give out
  launch.port = static_cast<int>(kFirst + spread(run) % kCount);
  launch.port_is_taken = true;
}

void complete_plain(const Variables& variables, Launch& launch) {
  if (variables.has("DCGAN_RUN_ID")) {
    launch.source = "--ranks";
    launch.run_id = variables.text("DCGAN_RUN_ID");
    if (variables.has("DCGAN_LISTEN_FD")) {
      launch.listening_descriptor = variables.number("DCGAN_LISTEN_FD", 0, 1 << 20);
    }
  } else if (variables.has("TORCHELASTIC_RUN_ID")) {
    launch.source = "torchrun";
    launch.run_id = fmt::format("{} restart {}", variables.text("TORCHELASTIC_RUN_ID"),
                                variables.text("TORCHELASTIC_RESTART_COUNT"));
    // Its agent serves a store on the port.
    launch.port_is_taken = variables.text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  }
}

void complete_mpi(const Variables& variables, Launch& launch) {
  launch.has_mpi = true;
  for (const char* name : {"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "PMI_ID", "PMI_FD"}) {
    if (!launch.run_id.empty()) break;
    launch.run_id = variables.text(name);
  }
  // Without MPI in the build, ranks of one machine still find each other.
  if (!launch.address.empty() || launch.local_size != launch.shard.world_size) return;
  launch.address = "127.0.0.1";
  choose_port(launch.run_id, launch);
}

// "rack[1-2]n[03,05],other" -> "rack1n03".
std::string first_host(const std::string& list) {
  std::string host;
  bool in_brackets = false, taken = false;
  for (const char c : list) {
    if (c == '[') {
      in_brackets = true;
      taken = false;
    } else if (c == ']') {
      in_brackets = false;
    } else if (!in_brackets && c == ',') {
      break;
    } else if (in_brackets && (c == '-' || c == ',')) {
      taken = true;
    } else if (!in_brackets || !taken) {
      host += c;
    }
  }
  return host;
}

void complete_slurm(const Variables& variables, Launch& launch) {
  launch.run_id =
      fmt::format("{}.{} restart {}", variables.text("SLURM_JOB_ID"),
                  variables.text("SLURM_STEP_ID"), variables.text("SLURM_RESTART_COUNT"));
  launch.has_mpi = variables.has("PMIX_RANK") || variables.has("PMI_RANK");
  if (variables.text("SLURM_STEP_NUM_NODES") == "1") launch.local_size = launch.shard.world_size;
  if (launch.address.empty()) {
    launch.address = first_host(variables.text("SLURM_STEP_NODELIST"));
    if (launch.address.empty()) {
      fail(ErrorKind::config, "launch: Slurm's step has no SLURM_STEP_NODELIST; set MASTER_ADDR");
    }
  }
  if (launch.port == 0) choose_port(launch.run_id, launch);
}

void read_master(const Variables& variables, Launch& launch) {
  launch.address = variables.text("MASTER_ADDR");
  if (variables.has("MASTER_PORT")) launch.port = variables.number("MASTER_PORT", 1, 65535);
}

void require_master(const Launch& launch) {
  if (!launch.is_distributed() || launch.has_mpi) return;
  if (launch.address.empty() || launch.port == 0) {
    fail(ErrorKind::config,
         "launch: {} ranks by {} need {} to find each other: the host of rank 0 and a free port "
         "there (MASTER_ADDR, MASTER_PORT)",
         launch.shard.world_size, launch.source,
         launch.address.empty() ? "MASTER_ADDR" : "MASTER_PORT");
  }
}

}  // namespace

Launch find_launch(const ReadEnvironment& read) {
  const Variables variables(read);
  const std::optional<Launch> plain = variables.launch_of(kPlain);
  const std::optional<Launch> open_mpi = variables.launch_of(kOpenMpi);
  const std::optional<Launch> pmi = variables.launch_of(kPmi);
  // Launchers nest: srun may start torchrun's agents or mpirun's daemons, whose processes then
  // inherit the step's variables. Only variables set by hand must agree with them.
  const bool in_step = variables.has("SLURM_STEP_NUM_TASKS");
  const std::optional<Launch> slurm = in_step ? variables.launch_of(kSlurm) : std::nullopt;
  const bool by_hand =
      plain && !variables.has("TORCHELASTIC_RUN_ID") && !variables.has("DCGAN_RUN_ID");
  if (plain && open_mpi) require_agreement(variables, kPlain, *plain, kOpenMpi, *open_mpi);
  if (plain && pmi && !slurm) require_agreement(variables, kPlain, *plain, kPmi, *pmi);
  if (open_mpi && pmi && !slurm) require_agreement(variables, kOpenMpi, *open_mpi, kPmi, *pmi);
  if (by_hand && slurm) require_agreement(variables, kPlain, *plain, kSlurm, *slurm);

  Launch launch = plain ? *plain : open_mpi ? *open_mpi : slurm ? *slurm : pmi ? *pmi : Launch{};
  read_master(variables, launch);
  if (plain) complete_plain(variables, launch);
  if (open_mpi || (pmi && !slurm)) complete_mpi(variables, launch);
  if (slurm && !plain && !open_mpi) complete_slurm(variables, launch);
  require_master(launch);
  return launch;
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

}  // namespace dcgan

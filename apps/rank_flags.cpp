#include "apps/rank_flags.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"
#include "runtime/base/parallel.h"
#include "runtime/device/cuda/runtime.h"

namespace dcgan {
namespace {

int gpus_here() {
  if constexpr (kHasCuda) return cuda::device_count();
  return 0;
}

}  // namespace

RankFlags::RankFlags(CLI::App& app) {
  app.add_option("--gpus,--ngpu", gpus_,
                 "number of GPUs of this machine, one process each; 0 for the CPU (--device cpu)")
      ->type_name("N")
      ->default_str("as --device")
      ->group("Ranks")
      ->check(CLI::Range(0, 1024));
  app.add_flag("--cuda", cuda_, "as --device cuda: the name of the PyTorch example")
      ->group("Ranks");
  app.add_option("--ranks", ranks_,
                 "number of processes to start on this machine, which train together; on GPUs one "
                 "each")
      ->type_name("N")
      ->default_str("1, or the launcher's")
      ->group("Ranks")
      ->check(CLI::Range(1, 1024));
}

void RankFlags::apply_to(DeviceRequest& device) const {
  if (cuda_ && (device.kind == DeviceRequest::Kind::cpu || gpus_ == 0)) {
    fail(ErrorKind::config, "--cuda contradicts {}",
         gpus_ == 0 ? "--gpus 0" : "--device " + to_string(device));
  }
  if (cuda_ && device.kind != DeviceRequest::Kind::cuda) device = {DeviceRequest::Kind::cuda};
  if (gpus_ < 0) return;
  const bool wants_cpu = device.kind == DeviceRequest::Kind::cpu;
  const bool wants_gpu = device.kind == DeviceRequest::Kind::cuda;
  if ((gpus_ == 0 && wants_gpu) || (gpus_ > 0 && wants_cpu)) {
    fail(ErrorKind::config, "--gpus {} contradicts --device {}", gpus_, to_string(device));
  }
  if (gpus_ > 0 && ranks_ > 0 && ranks_ != gpus_) {
    fail(ErrorKind::config, "--gpus {} and --ranks {}: one process a GPU", gpus_, ranks_);
  }
  if (gpus_ == 0) device = {DeviceRequest::Kind::cpu};
  if (gpus_ > 0 && !wants_gpu) device = {DeviceRequest::Kind::cuda};
}

std::optional<int> RankFlags::ranks_to_start(const Launch& launch) const {
  const int wanted = ranks_ > 0 ? ranks_ : gpus_ > 0 ? gpus_ : 0;
  if (wanted == 0) return std::nullopt;
  const char* option = ranks_ > 0 ? "--ranks" : "--gpus";
  if (launch.is_distributed()) {
    // --gpus counts those of one machine.
    const int made =
        ranks_ > 0 || launch.local_size == 0 ? launch.shard.world_size : launch.local_size;
    if (made == wanted) return std::nullopt;
    fail(ErrorKind::config, "{} {}: {} has started {} processes", option, wanted, launch.source,
         made);
  }
  if (wanted == 1) return std::nullopt;
  return wanted;
}

void RankFlags::require_gpus() const {
  if (gpus_ > 0 && gpus_ > gpus_here()) {
    fail(ErrorKind::unavailable, "--gpus {}: this machine has {} (dcgan doctor)", gpus_,
         gpus_here());
  }
}

DeviceRequest device_of_rank(const DeviceRequest& request, const Launch& launch) {
  if (!launch.is_distributed() || request.kind == DeviceRequest::Kind::cpu) return request;
  const bool named = request.kind == DeviceRequest::Kind::cuda && request.ordinal > 0;
  const int gpus = gpus_here();
  // A launcher may show each process its own GPU only.
  if (named || gpus <= 1) return request;
  if (launch.local_rank >= gpus) {
    fail(ErrorKind::unavailable, "rank {} is process {} of this machine, which has {} GPUs",
         launch.shard.rank, launch.local_rank, gpus);
  }
  return {DeviceRequest::Kind::cuda, launch.local_rank};
}

void share_cores(const Launch& launch, std::int64_t threads) {
  if (threads > 0 || launch.local_size < 2 || environment_variable("OMP_NUM_THREADS")) return;
  // A launcher may have bound the rank to fewer already.
  const auto cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  set_thread_count(std::clamp(cores / launch.local_size, 1, thread_count()));
}

}  // namespace dcgan

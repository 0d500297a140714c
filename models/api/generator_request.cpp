#include "models/api/generator_request.h"

#include <limits>

#include "models/api/caller_memory.h"
#include "models/api/sized_struct.h"
#include "runtime/base/build_config.h"
#include "runtime/device/cuda/runtime.h"
#include "runtime/device/open_device.h"

namespace dcgan::api {
namespace {

constexpr std::int64_t kDefaultBatch = 64;  // as `dcgan sample`
constexpr std::int64_t kLargestBatch = 1 << 20;

Precision precision_of(std::int32_t value) {
  switch (value) {
    case DCGAN_PRECISION_FP32:
      return Precision::fp32;
    case DCGAN_PRECISION_TF32:
      return Precision::tf32;
    case DCGAN_PRECISION_BF16:
      return Precision::bf16;
    default:
      misuse("precision {} is no dcgan_precision", value);
  }
}

std::int32_t as_c(Precision precision) {
  switch (precision) {
    case Precision::fp32:
      return DCGAN_PRECISION_FP32;
    case Precision::tf32:
      return DCGAN_PRECISION_TF32;
    case Precision::bf16:
      return DCGAN_PRECISION_BF16;
  }
  return DCGAN_PRECISION_SAVED;
}

DeviceRequest wanted_device_of(const char* word) {
  return parse_device_request(word == nullptr ? "auto" : word, "device");
}

}  // namespace

GeneratorRequest::GeneratorRequest(const char* where, const dcgan_generator_options* given)
    : options(read_struct(given, "dcgan_generator_options")) {
  if (where == nullptr) misuse("path is NULL");
  path = where;
  wanted_device = wanted_device_of(options.device);
  if (options.batch == 0) options.batch = kDefaultBatch;
  if (options.batch < 0 || options.batch > kLargestBatch) {
    misuse("batch {} is not between 1 and {} (0: {})", options.batch, kLargestBatch, kDefaultBatch);
  }
  if (options.threads < 0) misuse("threads {} is negative", options.threads);
  if (options.precision != DCGAN_PRECISION_SAVED) precision_of(options.precision);
}

void GeneratorRequest::log(dcgan_log_level level, std::string_view message) const {
  if (options.log != nullptr) options.log(options.log_user, level, std::string(message).c_str());
}

Warn GeneratorRequest::warn() const {
  return [this](const std::string& message) { log(DCGAN_LOG_WARNING, message); };
}

Device GeneratorRequest::device() const {
  const DeviceRequest& wanted = wanted_device;
  bool cuda = wanted.kind == DeviceRequest::Kind::cuda;
  if constexpr (kHasCuda) {
    cuda = cuda || (wanted.kind == DeviceRequest::Kind::automatic && cuda::device_count() > 0);
    if (cuda) cuda::require_device(wanted.ordinal);
  }
  return cuda ? Device{DeviceType::cuda, wanted.ordinal} : Device{};
}

Context GeneratorRequest::context(Device device) const {
  if (device.type == DeviceType::cpu && wanted_device.kind == DeviceRequest::Kind::automatic) {
    log(DCGAN_LOG_INFO, kHasCuda ? "no GPU found, computing on the CPU"
                                 : "computing on the CPU (this build has no CUDA engine)");
  }
  return Context(device, MemoryResources{caller_memory(options.memory), nullptr});
}

SavedGenerator GeneratorRequest::find() const {
  std::error_code unreadable;  // said better by what opens the file
  SavedGenerator saved = std::filesystem::is_directory(path, unreadable)
                             ? find_saved_generator(path, warn())
                             : find_generator_file(path);
  if (options.precision != DCGAN_PRECISION_SAVED) {
    saved.model.precision = precision_of(options.precision);
  }
  return saved;
}

GeneratorOptions GeneratorRequest::planned(const Context& context,
                                           const SavedGenerator& saved) const {
  if (options.precision == DCGAN_PRECISION_SAVED) {
    return loading_options(context, saved, options.batch, warn());
  }
  return {options.batch, saved.model.precision};
}

MemoryPlan latents_plan(std::int64_t batch, std::int64_t nz, SlotId* slot) {
  MemoryPlan plan;
  *slot = plan.add("latents", {batch, nz}, DType::f32);
  plan.assign();
  return plan;
}

dcgan_generator_info describe(const Context& context, const SavedGenerator& saved,
                              const GeneratorOptions& options) {
  const std::vector<BlockSpec> blocks = generator_blocks(saved.model.model);
  const ModelConfig& model = saved.model.model;
  SlotId unused;
  dcgan_generator_info info{};
  info.struct_size = sizeof info;
  info.latent_size = model.nz;
  info.channels = model.channels;
  info.height = model.image_size;
  info.width = model.image_size;
  info.batch = options.batch;
  info.parameters = parameter_count(blocks);
  info.precision = as_c(options.precision);
  info.is_cuda = context.is_cuda() ? 1 : 0;
  info.device_ordinal = context.device().ordinal;
  info.uniform_latents = saved.model.latent == LatentDistribution::uniform ? 1 : 0;
  info.memory_bytes = generator_memory_plan(context, blocks, options).bytes() +
                      Parameters::bytes_when_made(blocks) +
                      latents_plan(options.batch, model.nz, &unused).bytes();
  info.pinned_bytes = generator_pinned_bytes(context, blocks, options);
  return info;
}

}  // namespace dcgan::api

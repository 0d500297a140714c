// Networks as PyTorch sees them: tensors under its names and in its layouts. The only place where
// layouts change between the inside (channels-last) and the world.
#pragma once

#include <string>
#include <vector>

#include "models/networks/network.h"
#include "runtime/io/safetensors/safetensors.h"

namespace dcgan {

struct NamedTensor {
  std::string name;
  HostTensor tensor;
};

/// Weights, batch-norm parameters and running statistics, as state_dict() would give them; names
/// get `prefix` in front. `array` chooses values or, for the averaged generator, ema.
std::vector<NamedTensor> state_dict(const Context& context, const Network& network,
                                    const std::string& prefix = {},
                                    ParameterArray array = ParameterArray::values);

/// One array (gradients, a moment) under the parameters' names + `suffix`, in PyTorch's layouts.
std::vector<NamedTensor> parameter_tensors(const Context& context, const Network& network,
                                           ParameterArray array, const std::string& prefix = {},
                                           const std::string& suffix = {});

/// Loads what state_dict() gives, from PyTorch or from here. F32, and F64, F16 or BF16 by
/// conversion. Throws Error(bad_data) naming the file and every tensor that is missing, superfluous
/// under the prefix, or of another shape; the network is then unchanged.
void load_state_dict(const Context& context, const SafetensorsFile& file, Network& network,
                     const std::string& prefix = {}, ParameterArray array = ParameterArray::values);

/// Loads what parameter_tensors() gives; throws likewise.
void load_parameter_tensors(const Context& context, const SafetensorsFile& file, Network& network,
                            ParameterArray array, const std::string& prefix = {},
                            const std::string& suffix = {});

/// For write_safetensors. Views into `tensors`.
std::vector<SafetensorsItem> as_items(const std::vector<NamedTensor>& tensors);

/// (N, C, H, W) or (A, B, kh, kw) <-> channels-last, on the host; other ranks are copied as they
/// are.
HostTensor to_pytorch_layout(const HostTensor& tensor);
HostTensor from_pytorch_layout(const HostTensor& tensor);

}  // namespace dcgan

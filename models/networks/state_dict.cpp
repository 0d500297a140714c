#include "models/networks/state_dict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/elementwise/convert.h"
#include "runtime/base/printable.h"

namespace dcgan {
namespace {

const Context& host_context() {
  static const Context kHost(Device{DeviceType::cpu, 0});
  return kHost;
}

Shape pytorch_shape(const Shape& s) { return s.rank() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s; }
Shape inner_shape(const Shape& s) { return s.rank() == 4 ? Shape{s[0], s[2], s[3], s[1]} : s; }

NamedTensor fetched(const Context& context, std::string name, const TensorView& view) {
  HostTensor inner(view.shape, view.dtype);
  download(context, view, inner.view());
  return {std::move(name), to_pytorch_layout(inner)};
}

NamedTensor fetched_counter(const Context& context, std::string name, const TensorView& view) {
  HostTensor counter(Shape{}, DType::i64);  // PyTorch's is a scalar
  download(context, view.reshaped(Shape{}), counter.view());
  return {std::move(name), std::move(counter)};
}

// A tensor wanted from a file: where it goes.
struct Target {
  std::string name;
  TensorView view;
};

std::vector<Target> running_targets(const Network& network, const std::string& prefix) {
  const Parameters& parameters = network.parameters();
  std::vector<Target> targets;
  for (const RunningInfo& info : parameters.running_infos()) {
    const std::string name = prefix + info.name;
    targets.push_back({name + ".running_mean", parameters.running(info.mean)});
    targets.push_back({name + ".running_var", parameters.running(info.var)});
    targets.push_back({name + ".num_batches_tracked", parameters.running(info.batches_tracked)});
  }
  return targets;
}

std::vector<Target> parameter_targets(const Network& network, ParameterArray array,
                                      const std::string& prefix, const std::string& suffix) {
  const Parameters& parameters = network.parameters();
  std::vector<Target> targets;
  for (std::size_t i = 0; i < parameters.infos().size(); ++i) {
    targets.push_back({prefix + parameters.infos()[i].name + suffix, parameters.view(array, i)});
  }
  return targets;
}

float half_to_float(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const int mantissa = half & 0x3ff;
  const float sign = (half & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return sign * (mantissa != 0 ? NAN : INFINITY);
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa | 0x400), exponent - 25);
}

// The file's tensor in the wanted type; half precision and double come from other people's files.
HostTensor converted(const SafetensorsFile& file, const SafetensorsEntry& entry, DType wanted) {
  if (wanted == DType::f32 && entry.dtype == "F16") {
    HostTensor raw = file.read_raw(entry.name);
    HostTensor result(Shape(entry.extents.data(), static_cast<int>(entry.extents.size())),
                      DType::f32);
    const auto* from = reinterpret_cast<const std::uint16_t*>(raw.view().as<std::uint8_t>());
    std::transform(from, from + result.shape().elements(), result.view().as<float>(),
                   half_to_float);
    return result;
  }
  HostTensor tensor = file.read(entry.name);
  if (tensor.dtype() == wanted) return tensor;
  HostTensor result(tensor.shape(), wanted);
  float* to = wanted == DType::f32 ? result.view().as<float>() : nullptr;
  const std::int64_t count = tensor.shape().elements();
  if (to != nullptr && tensor.dtype() == DType::f64) {
    std::transform(tensor.view().as<double>(), tensor.view().as<double>() + count, to,
                   [](double value) { return static_cast<float>(value); });
  } else if (to != nullptr && tensor.dtype() == DType::bf16) {
    std::transform(tensor.view().as<bf16>(), tensor.view().as<bf16>() + count, to,
                   [](bf16 value) { return static_cast<float>(value); });
  } else {
    fail(ErrorKind::bad_data, "{}: tensor {} holds {}, expected {}", file.path().string(),
         entry.name, entry.dtype, name_of(wanted));
  }
  return result;
}

// Everything is read and checked before the first byte of a network changes.
void load_targets(const Context& context, const SafetensorsFile& file,
                  const std::vector<Target>& targets) {
  std::vector<std::string> faults;
  std::vector<HostTensor> tensors;
  for (const Target& target : targets) {
    const SafetensorsEntry* entry = file.find(target.name);
    if (entry == nullptr) {
      faults.push_back(fmt::format("{} is missing", target.name));
      continue;
    }
    HostTensor tensor = from_pytorch_layout(converted(file, *entry, target.view.dtype));
    const bool counter = target.view.dtype == DType::i64 && tensor.shape().elements() == 1;
    if (!counter && !(tensor.shape() == target.view.shape)) {
      faults.push_back(fmt::format("{} is {}, expected {}", target.name,
                                   to_string(pytorch_shape(tensor.shape())),
                                   to_string(pytorch_shape(target.view.shape))));
    }
    tensors.push_back(std::move(tensor));
  }
  if (!faults.empty()) {
    fail(ErrorKind::bad_data, "{}: does not fit the network: {}", file.path().string(),
         first_few(faults, "; "));
  }
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const TensorView view = targets[i].view;
    upload(context, tensors[i].view().reshaped(view.shape), view);
  }
}

void refuse_superfluous(const SafetensorsFile& file, const std::vector<Target>& targets,
                        const std::string& prefix) {
  std::vector<std::string> superfluous;
  for (const SafetensorsEntry& entry : file.entries()) {
    if (!entry.name.starts_with(prefix)) continue;
    const bool known = std::any_of(targets.begin(), targets.end(), [&entry](const Target& target) {
      return target.name == entry.name;
    });
    if (!known) superfluous.push_back(entry.name);
  }
  if (!superfluous.empty()) {
    fail(ErrorKind::bad_data, "{}: holds tensors that the network has not: {}",
         file.path().string(), first_few(superfluous));
  }
}

}  // namespace

std::vector<NamedTensor> state_dict(const Context& context, const Network& network,
                                    const std::string& prefix, ParameterArray array) {
  std::vector<NamedTensor> tensors = parameter_tensors(context, network, array, prefix);
  for (const Target& target : running_targets(network, prefix)) {
    tensors.push_back(target.view.dtype == DType::i64
                          ? fetched_counter(context, target.name, target.view)
                          : fetched(context, target.name, target.view));
  }
  return tensors;
}

std::vector<NamedTensor> parameter_tensors(const Context& context, const Network& network,
                                           ParameterArray array, const std::string& prefix,
                                           const std::string& suffix) {
  std::vector<NamedTensor> tensors;
  for (const Target& target : parameter_targets(network, array, prefix, suffix)) {
    tensors.push_back(fetched(context, target.name, target.view));
  }
  return tensors;
}

void load_state_dict(const Context& context, const SafetensorsFile& file, Network& network,
                     const std::string& prefix, ParameterArray array) {
  std::vector<Target> targets = parameter_targets(network, array, prefix, {});
  for (Target& target : running_targets(network, prefix)) targets.push_back(std::move(target));
  refuse_superfluous(file, targets, prefix);
  load_targets(context, file, targets);
  network.parameters().refresh_low_precision(context);
}

void load_parameter_tensors(const Context& context, const SafetensorsFile& file, Network& network,
                            ParameterArray array, const std::string& prefix,
                            const std::string& suffix) {
  load_targets(context, file, parameter_targets(network, array, prefix, suffix));
  if (array == ParameterArray::values) network.parameters().refresh_low_precision(context);
}

std::vector<SafetensorsItem> as_items(const std::vector<NamedTensor>& tensors) {
  std::vector<SafetensorsItem> items;
  items.reserve(tensors.size());
  for (const NamedTensor& named : tensors) items.push_back({named.name, named.tensor.view()});
  return items;
}

HostTensor to_pytorch_layout(const HostTensor& tensor) {
  if (tensor.shape().rank() != 4) return tensor;
  HostTensor result(pytorch_shape(tensor.shape()), tensor.dtype());
  to_channels_first(host_context(), tensor.view(), result.view());
  return result;
}

HostTensor from_pytorch_layout(const HostTensor& tensor) {
  if (tensor.shape().rank() != 4) return tensor;
  HostTensor result(inner_shape(tensor.shape()), tensor.dtype());
  to_channels_last(host_context(), tensor.view(), result.view());
  return result;
}

}  // namespace dcgan

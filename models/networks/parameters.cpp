#include "models/networks/parameters.h"

#include "kernels/elementwise/convert.h"

namespace dcgan {
namespace {

TensorView as_flat_f32(const TensorView& bytes) {
  return {bytes.data, {bytes.elements() / static_cast<std::int64_t>(sizeof(float))}, DType::f32};
}

Arena zeroed(const Context& context, const MemoryPlan& plan) {
  Arena arena(context, plan);
  fill_zero(context, arena.bytes());
  return arena;
}

}  // namespace

Parameters::Parameters(const Context& context, const std::vector<BlockSpec>& blocks) {
  const auto add = [this](const std::string& name, ParameterKind kind, Shape shape) {
    infos_.push_back({name, kind, shape, plan_.add(name, shape, DType::f32)});
  };
  for (const BlockSpec& block : blocks) {
    add(block.conv_name + ".weight", ParameterKind::conv_weight, block.conv.weight_shape());
    if (block.norm == Norm::none) continue;
    const Shape channels{block.conv.out_channels};
    add(block.norm_name + ".weight", ParameterKind::norm_weight, channels);
    add(block.norm_name + ".bias", ParameterKind::norm_bias, channels);
    const std::string& name = block.norm_name;
    running_infos_.push_back({name, running_plan_.add(name + ".running_mean", channels, DType::f32),
                              running_plan_.add(name + ".running_var", channels, DType::f32),
                              running_plan_.add(name + ".num_batches_tracked", {1}, DType::i64)});
  }
  step_ = running_plan_.add("step", {1}, DType::i64);
  plan_.assign();
  running_plan_.assign();
  values_ = zeroed(context, plan_);
  running_ = zeroed(context, running_plan_);
}

TensorView Parameters::flat(ParameterArray array) const {
  switch (array) {
    case ParameterArray::values:
      return as_flat_f32(values_.bytes());
    case ParameterArray::gradients:
      return as_flat_f32(gradients_.bytes());
    case ParameterArray::first_moment:
      return as_flat_f32(first_moment_.bytes());
    case ParameterArray::second_moment:
      return as_flat_f32(second_moment_.bytes());
    case ParameterArray::ema:
      return as_flat_f32(ema_.bytes());
  }
  return {};
}

TensorView Parameters::view(ParameterArray array, std::size_t index) const {
  const SlotId slot = infos_.at(index).slot;
  switch (array) {
    case ParameterArray::values:
      return values_.view(slot);
    case ParameterArray::gradients:
      return gradients_.view(slot);
    case ParameterArray::first_moment:
      return first_moment_.view(slot);
    case ParameterArray::second_moment:
      return second_moment_.view(slot);
    case ParameterArray::ema:
      return ema_.view(slot);
  }
  return {};
}

void Parameters::make_training_arrays(const Context& context) {
  gradients_ = zeroed(context, plan_);
  first_moment_ = zeroed(context, plan_);
  second_moment_ = zeroed(context, plan_);
  has_training_arrays_ = true;
}

void Parameters::make_ema(const Context& context) {
  ema_ = Arena(context, plan_);
  copy(context, values_.bytes(), ema_.bytes());
  has_ema_ = true;
}

void Parameters::copy_from(const Context& context, const Parameters& other, ParameterArray array) {
  copy(context, other.flat(array), flat(ParameterArray::values));
  copy(context, other.running_.bytes(), running_.bytes());
  refresh_low_precision(context);
}

void Parameters::make_low_precision(const Context& context) {
  low_precision_ = Buffer(context, plan_.bytes() / 2);
  refresh_low_precision(context);
}

void Parameters::refresh_low_precision(const Context& context) {
  if (low_precision_.data() == nullptr) return;
  convert_type(context, flat(ParameterArray::values), flat_low_precision());
}

TensorView Parameters::flat_low_precision() const {
  if (low_precision_.data() == nullptr) return {};
  return {
      low_precision_.data(), {static_cast<std::int64_t>(low_precision_.bytes() / 2)}, DType::bf16};
}

TensorView Parameters::compute_weights(std::size_t index) const {
  if (low_precision_.data() == nullptr) return view(ParameterArray::values, index);
  // Same element offsets as the float32 array, half the bytes.
  const Slot& slot = plan_.slots()[static_cast<std::size_t>(infos_.at(index).slot.index)];
  return {low_precision_.data() + slot.offset / 2, slot.shape, DType::bf16};
}

void Parameters::initialize(const Context& context, RandomKey key) {
  std::vector<float> host;
  for (std::size_t index = 0; index < infos_.size(); ++index) {
    const ParameterInfo& info = infos_[index];
    const float mean = info.kind == ParameterKind::norm_weight ? 1.0f : 0.0f;
    const float deviation = info.kind == ParameterKind::norm_bias ? 0.0f : 0.02f;
    host.resize(static_cast<std::size_t>(info.shape.elements()));
    RandomSequence numbers(key, 0, static_cast<std::uint32_t>(index));
    for (float& value : host) value = fmaf(deviation, numbers.next_normal(), mean);
    upload(context, ConstTensorView(host.data(), info.shape), view(ParameterArray::values, index));
  }
  fill_zero(context, running_.bytes());
  for (const RunningInfo& info : running_infos_) {
    host.assign(static_cast<std::size_t>(running(info.var).elements()), 1.0f);
    upload(context, ConstTensorView(host.data(), running(info.var).shape), running(info.var));
  }
  refresh_low_precision(context);
}

}  // namespace dcgan

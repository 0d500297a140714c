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

Parameters::Parameters(const std::vector<BlockSpec>& blocks) {
  add_infos(blocks);
  lay_out();
  step_ = running_plan_.add("step", {1}, DType::i64);
  running_plan_.assign();
}

std::size_t Parameters::bytes_when_made(const std::vector<BlockSpec>& blocks) {
  const Parameters planned(blocks);
  return planned.plan_.bytes() + planned.running_plan_.bytes();
}

Parameters::Parameters(const Context& context, const std::vector<BlockSpec>& blocks)
    : Parameters(blocks) {
  values_ = zeroed(context, plan_);
  running_ = zeroed(context, running_plan_);
}

void Parameters::add_infos(const std::vector<BlockSpec>& blocks) {
  const auto add = [this](const std::string& name, ParameterKind kind, Shape shape) {
    infos_.push_back({name, kind, shape, {}});
    return static_cast<int>(infos_.size()) - 1;
  };
  for (const BlockSpec& spec : blocks) {
    BlockParameters& block = blocks_.emplace_back();
    block.weight =
        add(spec.conv_name + ".weight", ParameterKind::conv_weight, spec.conv.weight_shape());
    if (spec.norm == Norm::none) continue;
    const Shape channels{spec.conv.out_channels};
    const std::string& name = spec.norm_name;
    block.norm_weight = add(name + ".weight", ParameterKind::norm_weight, channels);
    block.norm_bias = add(name + ".bias", ParameterKind::norm_bias, channels);
    block.running = static_cast<int>(running_infos_.size());
    running_infos_.push_back({name, running_plan_.add(name + ".running_mean", channels, DType::f32),
                              running_plan_.add(name + ".running_var", channels, DType::f32),
                              running_plan_.add(name + ".num_batches_tracked", {1}, DType::i64)});
  }
}

// The last block's gradients are complete first; within a block the norm's before the weights'.
void Parameters::lay_out() {
  const auto place = [this](int index) {
    if (index == BlockParameters::kNone) return;
    ParameterInfo& info = infos_[static_cast<std::size_t>(index)];
    info.slot = plan_.add(info.name, info.shape, DType::f32);
  };
  for (std::size_t i = blocks_.size(); i-- > 0;) {
    place(blocks_[i].norm_weight);
    place(blocks_[i].norm_bias);
    place(blocks_[i].weight);
  }
  plan_.assign(Placement::in_order);
  std::size_t end = plan_.bytes();
  for (BlockParameters& block : blocks_) {  // first block: last in memory
    const int first =
        block.norm_weight == BlockParameters::kNone ? block.weight : block.norm_weight;
    const SlotId slot = infos_[static_cast<std::size_t>(first)].slot;
    const std::size_t begin = plan_.slots()[static_cast<std::size_t>(slot.index)].offset;
    block.first = static_cast<std::int64_t>(begin / sizeof(float));
    block.count = static_cast<std::int64_t>((end - begin) / sizeof(float));
    end = begin;
  }
}

const Arena& Parameters::arena(ParameterArray array) const {
  switch (array) {
    case ParameterArray::gradients:
      return gradients_;
    case ParameterArray::first_moment:
      return first_moment_;
    case ParameterArray::second_moment:
      return second_moment_;
    case ParameterArray::ema:
      return ema_;
    case ParameterArray::values:
      break;
  }
  return values_;
}

TensorView Parameters::flat(ParameterArray array) const {
  return as_flat_f32(arena(array).bytes());
}

TensorView Parameters::cut(const Arena& arena, std::size_t index) const {
  return as_flat_f32(arena.bytes()).rows(block(index).first, block(index).count);
}

TensorView Parameters::range(ParameterArray array, std::size_t index) const {
  return cut(arena(array), index);
}

TensorView Parameters::view(ParameterArray array, std::size_t index) const {
  return arena(array).view(infos_.at(index).slot);
}

TensorView Parameters::accumulation(std::size_t index) const {
  return accumulation_.view(infos_.at(index).slot);
}

TensorView Parameters::accumulation_range(std::size_t index) const {
  return cut(accumulation_, index);
}

TensorView Parameters::weights(std::size_t index) const {
  const auto weight = static_cast<std::size_t>(block(index).weight);
  if (low_precision_.data() == nullptr) return view(ParameterArray::values, weight);
  // Same element offsets as the float32 array, half the bytes.
  const Slot& slot = plan_.slots()[static_cast<std::size_t>(infos_[weight].slot.index)];
  return {low_precision_.data() + slot.offset / 2, slot.shape, DType::bf16};
}

BatchNormParameters Parameters::norm(std::size_t index) const {
  const BlockParameters& place = block(index);
  if (place.norm_weight == BlockParameters::kNone) return {};
  return {view(ParameterArray::values, static_cast<std::size_t>(place.norm_weight)),
          view(ParameterArray::values, static_cast<std::size_t>(place.norm_bias))};
}

BatchNormRunning Parameters::norm_running(std::size_t index) const {
  const BlockParameters& place = block(index);
  if (place.running == BlockParameters::kNone) return {};
  const RunningInfo& info = running_infos_[static_cast<std::size_t>(place.running)];
  return {running(info.mean), running(info.var), running(info.batches_tracked)};
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

void Parameters::make_accumulation(const Context& context) {
  accumulation_ = zeroed(context, plan_);
  has_accumulation_ = true;
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

TensorView Parameters::low_precision_range(std::size_t index) const {
  const TensorView all = flat_low_precision();
  if (all.empty()) return {};
  const BlockParameters& place = block(index);
  return all.rows(place.first, place.count);
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

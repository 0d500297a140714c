#include "kernels/conv/cuda/timing_tensors.h"

#include <algorithm>

#include "kernels/conv/cuda/plans.h"
#include "runtime/base/bf16.h"
#include "runtime/base/philox.h"

namespace dcgan::cuda {
namespace {

constexpr std::int64_t kPatternElements = std::int64_t{1} << 18;

template <class T>
void upload_random(const Context& context, TensorView to) {
  RandomSequence numbers({1, RandomStream::test}, /*step=*/0, /*sample=*/0);
  std::vector<T> values(static_cast<std::size_t>(to.elements()));
  std::generate(values.begin(), values.end(),
                [&] { return static_cast<T>(numbers.next_uniform(-1.0f, 1.0f)); });
  upload(context, ConstTensorView(values.data(), to.shape), to);
}

}  // namespace

std::size_t TimingTensors::Needed::bytes() const {
  constexpr std::size_t kAlignment = 256;
  const std::size_t exact = static_cast<std::size_t>(shape.elements()) * size_of(dtype);
  return (exact + kAlignment - 1) / kAlignment * kAlignment;
}

std::vector<TimingTensors::Needed> TimingTensors::needed(const ConvConfig& config) {
  const Shape output = config.spec.output_shape(config.input);
  const Shape weights = config.spec.weight_shape();
  const DType dtype = config.dtype;
  const ConvPass pass = only_pass(config);
  std::vector<Needed> all;  // the result last
  if (pass != ConvPass::backward_data) all.push_back({&Set::x, config.input, dtype});
  if (pass != ConvPass::backward_weights) all.push_back({&Set::weights, weights, dtype});
  if (config.bias == ConvBias::per_channel) {
    all.push_back({&Set::bias, {config.spec.out_channels}, DType::f32});
  }
  if (pass != ConvPass::forward) {
    all.push_back({&Set::y, output, dtype});
    all.push_back({&Set::dy, output, dtype});
  }
  switch (pass) {
    case ConvPass::forward:
      all.push_back({&Set::y, output, dtype});
      break;
    case ConvPass::backward_data:
      all.push_back({&Set::dx, config.input, dtype});
      break;
    case ConvPass::backward_weights:
      all.push_back({&Set::dweights, weights, DType::f32});
      break;
  }
  return all;
}

std::size_t TimingTensors::set_bytes(const ConvConfig& config) {
  std::size_t bytes = 0;
  for (const Needed& each : needed(config)) bytes += each.bytes();
  return bytes;
}

TimingTensors::TimingTensors(const Context& context, const ConvConfig& config, int sets)
    : context_(context),
      pass_(only_pass(config)),
      random_(context, kPatternElements * size_of(config.dtype)) {
  const TensorView pattern(random_.data(), {kPatternElements}, config.dtype);
  if (config.dtype == DType::bf16) {
    upload_random<bf16>(context, pattern);
  } else {
    upload_random<float>(context, pattern);
  }
  const std::vector<Needed> tensors = needed(config);
  result_ = tensors.back().tensor;
  for (int i = 0; i < sets; ++i) {
    std::byte* at = memory_.emplace_back(context, set_bytes(config)).data();
    Set& set = sets_.emplace_back();
    for (const Needed& each : tensors) {
      set.*each.tensor = TensorView(at, each.shape, each.dtype);
      at += each.bytes();
      if (each.tensor != result_) fill_random(set.*each.tensor);
    }
  }
}

void TimingTensors::run(ConvPlan& plan, int set) {
  const std::size_t bytes = plan.workspace_bytes(pass_);
  if (bytes > workspace_.bytes()) {
    context_.synchronize();  // the old one may be in use
    workspace_ = Buffer();
    workspace_ = Buffer(context_, bytes);
  }
  const Set& on = sets_[static_cast<std::size_t>(set)];
  if (pass_ == ConvPass::forward) {
    return plan.forward(context_, {on.x, on.weights, on.y, workspace(), on.bias});
  }
  const ConvBackward tensors{on.x, on.weights, on.y, on.dy, on.dx, on.dweights, workspace()};
  plan.activation_backward(context_, tensors);
  if (pass_ == ConvPass::backward_data) return plan.backward_data(context_, tensors);
  plan.backward_weights(context_, tensors);
}

void TimingTensors::refresh() {
  for (Set& set : sets_) {
    fill_zero(context_, set.*result_);
    if (!set.dy.empty()) fill_random(set.dy);
  }
}

// A bias is f32 beside bf16 tensors: of two bf16 numbers read as one f32 the second is its value,
// all but the last bits.
void TimingTensors::fill_random(TensorView view) {
  const TensorView flat = view.reshaped({view.elements()});
  const std::int64_t most = static_cast<std::int64_t>(random_.bytes() / size_of(view.dtype));
  const TensorView pattern(random_.data(), {most}, view.dtype);
  for (std::int64_t first = 0; first < flat.elements(); first += most) {
    const std::int64_t count = std::min(most, flat.elements() - first);
    copy(context_, pattern.rows(0, count), flat.rows(first, count));
  }
}

TensorView TimingTensors::workspace() const {
  return {workspace_.data(), {static_cast<std::int64_t>(workspace_.bytes())}, DType::u8};
}

}  // namespace dcgan::cuda

// The folded generator of every preset against float64, and against the network that it came from.
#include "models/networks/folded_network.h"

#include <cmath>
#include <optional>

#include "models/networks/network.h"
#include "tests/models/network_state.h"
#include "tests/reference/batch_norm.h"
#include "tests/reference/conv.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"

using namespace dcgan;
using reference::Values;

namespace {

constexpr std::int64_t kImages = 2;

/// The preset's shape with few channels.
ModelConfig narrow(ModelConfig model) {
  model.nz = 12;
  model.ngf = 4;
  return model;
}

Values values_of(const Context& context, ConstTensorView view) {
  std::vector<float> host(static_cast<std::size_t>(view.elements()));
  download(context, view, TensorView(host.data(), view.shape));
  return Values(view.shape, {host.begin(), host.end()});
}

/// Statistics as after some training: near those of the layer's own output, so that it stays in the
/// range of numbers that a trained network has.
void set_running(const Context& context, Network& network) {
  std::uint32_t seed = 20;
  for (const RunningInfo& info : network.parameters().running_infos()) {
    const auto put = [&](SlotId slot, double mean, double deviation) {
      const TensorView to = network.parameters().running(slot);
      const Values random = reference::random_values(to.shape, seed++, DType::f32, mean, deviation);
      std::vector<float> host(random.v.begin(), random.v.end());
      for (float& value : host) value = mean > 0 ? std::fabs(value) : value;
      upload(context, ConstTensorView(host.data(), to.shape), to);
    };
    put(info.mean, 0.0, 0.02);
    put(info.var, 0.02, 0.004);
  }
}

Values expected_images(const Context& context, const Network& network, Values x) {
  const Parameters& parameters = network.parameters();
  for (std::size_t i = 0; i < network.blocks().size(); ++i) {
    const BlockSpec& block = network.blocks()[i];
    const auto weight = static_cast<std::size_t>(parameters.block(i).weight);
    x = reference::conv(block.conv, x,
                        values_of(context, parameters.view(ParameterArray::values, weight)));
    if (block.norm == Norm::none) {
      x = reference::activate(block.activation, x);
      continue;
    }
    const BatchNormParameters norm = parameters.norm(i);
    const BatchNormRunning running = parameters.norm_running(i);
    const reference::BatchNormState state{
        values_of(context, norm.weight), values_of(context, norm.bias),
        values_of(context, running.mean), values_of(context, running.var)};
    x = reference::batch_norm_eval(x, state, {block.activation, 1});
  }
  return x;
}

/// One pass over a batch with its memory. The networks are the caller's.
struct BoundPass {
  BoundPass(const Context& context, const std::vector<BlockSpec>& blocks, const Shape& z,
            DType dtype, MemoryPlan plan)
      : memory(std::move(plan)) {
    StageTable stages(memory);
    PassOptions options;
    options.name = "G";
    options.input = z;
    options.stages = add_forward_stages(stages, "G", blocks);
    options.dtype = dtype;
    activations.emplace(context, blocks, memory, options);
    const SlotId input_slot = memory.add("z", z, dtype);
    const auto bytes = static_cast<std::int64_t>(activations->workspace_bytes().main);
    const SlotId workspace = memory.add("workspace", {bytes}, DType::u8);
    memory.assign();
    arena = Arena(context, memory);
    input = arena.view(input_slot);
    activations->bind(arena, {input, {}, {}, arena.view(workspace), {}, {}});
  }
  MemoryPlan memory;
  std::optional<Activations> activations;
  Arena arena;
  TensorView input;
};

}  // namespace

TEST_CASE("the folded generator of every preset is the generator, within roundings") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    for (const Preset& preset : presets()) {
      INFO(preset.name << " on " << to_string(device));
      const ModelConfig model = narrow(preset.model);
      Network network(context, generator_blocks(model));
      network.parameters().initialize(context, {4, RandomStream::test});
      set_running(context, network);
      const Shape z_shape{kImages, 1, 1, model.nz};
      const Values z = reference::random_values(z_shape, 1, DType::f32);
      const std::vector<float> z_host(z.v.begin(), z.v.end());
      const Values expected = expected_images(context, network, z);

      MemoryPlan plan;
      FoldedNetwork folded(network.blocks(), DType::f32, plan);
      BoundPass pass(context, folded.blocks(), z_shape, DType::f32, std::move(plan));
      folded.bind(pass.arena);
      folded.fold(context, network.parameters());
      upload(context, ConstTensorView(z_host.data(), z_shape), pass.input);
      folded.forward(context, *pass.activations);
      const Values images = values_of(context, pass.activations->output());
      const double scale = reference::max_abs_difference(expected, Values(expected.shape));
      REQUIRE(scale > 1e-3);
      CHECK(reference::max_abs_difference(images, expected) < 1e-5 * scale);

      BoundPass unfolded(context, network.blocks(), z_shape, DType::f32, {});
      upload(context, ConstTensorView(z_host.data(), z_shape), unfolded.input);
      network.forward(context, *unfolded.activations, Pass::eval);
      CHECK(reference::max_abs_difference(
                images, values_of(context, unfolded.activations->output())) < 1e-5 * scale);
    }
  }
}

// Layout of the parameters, and gradients as they become ready.

#include "models/networks/parameters.h"

#include <optional>

#include "models/networks/network.h"
#include "tests/models/network_state.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"

using namespace dcgan;

namespace {

const ModelConfig kModel{NetworkFamily::dcgan, 32, 1, 6, 4, 4};

// A discriminator over two images, with everything bound.
struct Bound {
  explicit Bound(const Context& context)
      : network(context, discriminator_blocks(kModel)), options(pass_options()) {
    network.parameters().make_training_arrays(context);
    network.parameters().initialize(context, {5, RandomStream::test});
    activations.emplace(context, network.blocks(), plan, options);
    const SlotId input = plan.add("input", options.input, DType::f32);
    const WorkspaceBytes& bytes = activations->workspace_bytes();
    const auto extent = static_cast<std::int64_t>(std::max(bytes.main, bytes.weights));
    const SlotId workspace = plan.add("workspace", {extent}, DType::u8);
    const SlotId tickets = plan.add("tickets", {activations->tickets_needed()}, DType::i32);
    plan.assign();
    arena = Arena(context, plan);
    fill_zero(context, arena.view(tickets));
    activations->bind(arena,
                      {arena.view(input), {}, {}, arena.view(workspace), {}, arena.view(tickets)});
    fill(context, arena.view(input), 0.3f);
  }
  PassOptions pass_options() {
    StageTable table(plan);
    PassOptions result;
    result.name = "D";
    result.input = {2, 32, 32, 1};
    result.stages = add_forward_stages(table, "D", network.blocks());
    const StageId loss = table.add("loss", StageKind::loss);
    result.stages.output_read = loss;
    add_backward_stages(table, "D", network.blocks(),
                        {BackwardWork::data_and_weights, InputGradient::skip, Branch::main, loss},
                        result.stages);
    return result;
  }
  static void fill(const Context& context, const TensorView& view, float first) {
    std::vector<float> values(static_cast<std::size_t>(view.elements()));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = first * static_cast<float>(1 + i % 7) - 0.5f;
    }
    upload(context, ConstTensorView(values.data(), view.shape), view);
  }
  void backward(const Context& context, ParamGrads grads, const PassObservers& observers = {}) {
    network.forward(context, *activations, Pass::train);
    fill(context, activations->output_gradient(), 0.25f);
    network.backward(context, *activations, grads, observers);
    context.synchronize();
  }
  std::vector<float> gradients(const Context& context) const {
    const TensorView flat = network.parameters().flat(ParameterArray::gradients);
    std::vector<float> values(static_cast<std::size_t>(flat.elements()));
    download(context, flat, TensorView(values.data(), flat.shape));
    return values;
  }

  MemoryPlan plan;
  Network network;
  PassOptions options;
  std::optional<Activations> activations;
  Arena arena;
};

}  // namespace

TEST_CASE("blocks lie in the order of the backward pass, one range each, and cover the array") {
  const Context context(Device{});
  for (const auto& blocks : {generator_blocks(kModel), discriminator_blocks(kModel)}) {
    const Parameters parameters(context, blocks);
    std::int64_t next = 0;
    for (std::size_t i = blocks.size(); i-- > 0;) {
      const BlockParameters& block = parameters.block(i);
      CHECK(block.first == next);
      next = block.first + block.count;
      // Each of its tensors lies inside.
      const TensorView range = parameters.range(ParameterArray::values, i);
      for (const int index : {block.weight, block.norm_weight, block.norm_bias}) {
        if (index == BlockParameters::kNone) continue;
        const TensorView view =
            parameters.view(ParameterArray::values, static_cast<std::size_t>(index));
        const auto* begin = static_cast<const std::byte*>(range.data);
        const auto* at = static_cast<const std::byte*>(view.data);
        CHECK(at >= begin);
        CHECK(at + view.bytes() <= begin + range.bytes());
      }
      CHECK((block.norm_weight != BlockParameters::kNone) == (blocks[i].norm == Norm::batch));
    }
    CHECK(next == parameters.flat(ParameterArray::values).elements());
  }
}

TEST_CASE("names and numbers of parameters keep PyTorch's order") {
  const Context context(Device{});
  const Parameters parameters(context, generator_blocks(kModel));
  std::vector<std::string> names;
  for (const ParameterInfo& info : parameters.infos()) names.push_back(info.name);
  CHECK(names == std::vector<std::string>{"main.0.weight", "main.1.weight", "main.1.bias",
                                          "main.3.weight", "main.4.weight", "main.4.bias",
                                          "main.6.weight", "main.7.weight", "main.7.bias",
                                          "main.9.weight"});
}

TEST_CASE("gradients are ready block by block, in the order of the flat array") {
  class Order final : public GradientObserver {
   public:
    void on_gradients(const Context&, const Network& network, std::size_t block) override {
      blocks.push_back(block);
      const BlockParameters& place = network.parameters().block(block);
      CHECK(place.first == covered);
      covered += place.count;
    }
    std::vector<std::size_t> blocks;
    std::int64_t covered = 0;
  };
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    Bound bound(context);
    Order order;
    bound.backward(context, ParamGrads::overwrite, {nullptr, &order});
    CHECK(order.blocks == std::vector<std::size_t>{3, 2, 1, 0});
    CHECK(order.covered == bound.network.parameters().flat(ParameterArray::values).elements());
    Order none;
    bound.backward(context, ParamGrads::skip, {nullptr, &none});
    CHECK(none.blocks.empty());
  }
}

TEST_CASE("accumulated gradients are the sum of those of two passes") {
  for (const Device device : test::devices_under_test()) {
    const Context context(device);
    Bound bound(context);
    bound.network.parameters().make_accumulation(context);
    bound.backward(context, ParamGrads::overwrite);
    const std::vector<float> once = bound.gradients(context);
    bound.backward(context, ParamGrads::accumulate);
    const std::vector<float> twice = bound.gradients(context);
    double largest = 0;
    for (std::size_t i = 0; i < once.size(); ++i) {
      REQUIRE(twice[i] == once[i] + once[i]);  // the same pass again: equal terms
      largest = std::max(largest, std::fabs(double{once[i]}));
    }
    CHECK(largest > 0);
  }
}

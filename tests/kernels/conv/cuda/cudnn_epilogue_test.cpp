// Whether cuDNN has engines that add a bias and apply the activation inside, for every layer with a
// folded batch norm of the presets' generators: asked of GPUs that are described to it. Most are
// compiled at run time, and for those cuDNN wants to see a driver, which it does not call before it
// loads what it compiled: where there is none, the toolkit's stub of it is loaded instead.
#include <dlfcn.h>

#include <map>
#include <string>

#include "kernels/conv/cuda/vendor/cudnn_conv.h"
#include "models/networks/blocks.h"
#include "models/networks/model_config.h"
#include "tests/support/catch.h"

using namespace dcgan;
using cuda::ConvProblem;

namespace {

bool driver_is_there() {
  static const bool loaded = ::dlopen("libcuda.so.1", RTLD_NOW) != nullptr ||
                             ::dlopen(DCGAN_DRIVER_STUB, RTLD_NOW) != nullptr;
  return loaded;
}

std::map<std::string, ConvProblem> biased_problems(std::initializer_list<std::int64_t> batches,
                                                   DType dtype) {
  std::map<std::string, ConvProblem> problems;
  for (const Preset& preset : presets()) {
    for (const std::int64_t n : batches) {
      Shape shape{n, 1, 1, preset.model.nz};
      for (const BlockSpec& block : generator_blocks(preset.model)) {
        ConvConfig config{block.conv, block.activation, shape, dtype};
        config.passes = {true, false, false};
        shape = block.conv.output_shape(shape);
        if (block.norm != Norm::batch) continue;
        config.bias = ConvBias::per_channel;
        const auto problem = cuda::fused_problem_of(config);
        REQUIRE(problem);
        problems.emplace(to_string(*problem), *problem);
      }
    }
  }
  return problems;
}

void check_epilogues(int major, std::initializer_list<std::int64_t> batches) {
  REQUIRE(driver_is_there());
  const cuda::Descriptor gpu = cuda::describe_gpu(major, 0);
  const cuda::Target target{nullptr, &gpu};
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const auto problems = biased_problems(batches, dtype);
    REQUIRE(problems.size() > 5);
    for (const auto& [name, problem] : problems) {
      INFO(name);
      const cuda::Descriptor graph = cuda::conv_graph(problem, target);
      CHECK_FALSE(
          cuda::engine_candidates(graph, problem, target, cuda::EngineSearch::heuristics).empty());
    }
  }
}

}  // namespace

TEST_CASE("cuDNN adds every bias of the presets' generators inside on Hopper") {
  check_epilogues(9, {1, 1024});
}

TEST_CASE("cuDNN adds every bias of the presets' generators inside on Ampere") {
  check_epilogues(8, {64});
}

TEST_CASE("cuDNN adds every bias of the presets' generators inside on Blackwell") {
  check_epilogues(10, {64});
}

TEST_CASE("only a bias, alone or with a relu behind, goes inside, and has a name of its own") {
  ConvConfig config{{ConvType::transposed, 128, 64, 4, 2, 1}, {}, {64, 16, 16, 128}, DType::bf16};
  config.passes = {true, false, false};
  CHECK_FALSE(cuda::fused_problem_of(config));
  config.bias = ConvBias::per_channel;
  const std::string plain = to_string(cuda::problem_of(config, ConvPass::forward));
  CHECK(to_string(cuda::fused_problem_of(config).value()) == plain + " + bias");
  config.activation.kind = Activation::relu;
  CHECK(to_string(cuda::fused_problem_of(config).value()) == plain + " + bias, relu");
  for (const Activation other : {Activation::leaky_relu, Activation::tanh}) {
    config.activation.kind = other;
    CHECK_FALSE(cuda::fused_problem_of(config));
  }
}

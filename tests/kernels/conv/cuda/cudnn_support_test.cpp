// Whether cuDNN has an engine for every convolution that the presets send to it, asked of GPUs that
// are described to it: no GPU is needed, and none is used. Engines compiled at run time need the
// driver even to be asked, so on a machine without one only the precompiled ones count.
#include <map>
#include <string>

#include "kernels/conv/cuda/vendor/cudnn_conv.h"
#include "models/networks/blocks.h"
#include "models/networks/model_config.h"
#include "runtime/device/cuda/runtime.h"
#include "tests/support/catch.h"

using namespace dcgan;
using cuda::ConvProblem;

namespace {

// Adds the problems of one network at a batch size, under their names.
void add_problems(const std::vector<BlockSpec>& blocks, Shape shape, DType dtype,
                  std::map<std::string, ConvProblem>& problems) {
  for (const BlockSpec& block : blocks) {
    ConvConfig config;
    config.spec = block.conv;
    config.input = shape;
    config.dtype = dtype;
    shape = block.conv.output_shape(shape);
    if (class_of(underlying_of(config)) != ConvClass::wide) continue;
    for (const ConvPass pass :
         {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weights}) {
      ConvProblem problem = cuda::problem_of(config, pass);
      // f32 gradients of bf16 come from an engine compiled at run time where there is a driver,
      // else through bf16 (kernels/conv/cuda/vendor/library.cpp): the latter must always be there.
      if (pass == ConvPass::backward_weights) problem.result = dtype;
      problems.emplace(to_string(problem), problem);
    }
  }
}

std::map<std::string, ConvProblem> problems_of_presets(std::initializer_list<std::int64_t> batches,
                                                       DType dtype) {
  std::map<std::string, ConvProblem> problems;
  for (const Preset& preset : presets()) {
    const ModelConfig& model = preset.model;
    for (const std::int64_t n : batches) {
      add_problems(generator_blocks(model), {n, 1, 1, model.nz}, dtype, problems);
      for (const std::int64_t images : {n, 2 * n}) {  // fake alone, and real and fake together
        add_problems(discriminator_blocks(model),
                     {images, model.image_size, model.image_size, model.channels}, dtype, problems);
      }
    }
  }
  return problems;
}

bool has_engine(const ConvProblem& problem, const cuda::Target& target) {
  const cuda::Descriptor graph = cuda::conv_graph(problem, target);
  for (const cuda::Descriptor& config :
       cuda::engine_candidates(graph, problem, target, cuda::EngineSearch::heuristics)) {
    if (cuda::build_plan(config, target).ok) return true;
  }
  return false;
}

/// cuDNN 9.19 crashes when it is asked about a GPU newer than the one that is there.
bool newer_than_this_machines(int major) {
  if (cuda::device_count() == 0) return false;
  const cuda::DeviceDescription real = cuda::describe_device(0);
  if (major <= real.major) return false;
  WARN("skipped: a described GPU of compute capability " << major << " beside a real "
                                                         << real.name);
  return true;
}

void check_support(int major, int minor, std::initializer_list<std::int64_t> batches) {
  if (newer_than_this_machines(major)) return;
  const cuda::Descriptor gpu = cuda::describe_gpu(major, minor);
  const cuda::Target target{nullptr, &gpu};
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const auto problems = problems_of_presets(batches, dtype);
    REQUIRE(problems.size() > 20);  // five presets with two to three inner layers a network
    for (const auto& [name, problem] : problems) {
      INFO(name);
      CHECK(has_engine(problem, target));
    }
  }
}

}  // namespace

TEST_CASE("cuDNN computes every inner convolution of the presets on Hopper") {
  check_support(9, 0, {64, 128, 256, 1024});
}

TEST_CASE("cuDNN computes every inner convolution of the presets on Ampere") {
  check_support(8, 0, {64});
}

TEST_CASE("cuDNN computes every inner convolution of the presets on Blackwell") {
  check_support(10, 0, {64});
}

TEST_CASE("no engine is offered that breaks what is promised of results") {
  const cuda::Descriptor gpu = cuda::describe_gpu(9, 0);
  const cuda::Target target{nullptr, &gpu};
  ConvConfig config;
  config.spec = {ConvType::convolution, 64, 128, 4, 2, 1};
  config.input = {64, 32, 32, 64};
  const ConvProblem problem = cuda::problem_of(config, ConvPass::backward_weights);
  const cuda::Descriptor graph = cuda::conv_graph(problem, target);
  const auto candidates = cuda::engine_candidates(graph, problem, target, cuda::EngineSearch::all);
  REQUIRE_FALSE(candidates.empty());
  for (const cuda::Descriptor& candidate : candidates) {
    const auto engines =
        candidate.get_descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
    REQUIRE(engines.size() == 1);
    for (const cudnnBackendNumericalNote_t note : engines.front().get_notes()) {
      CHECK(note != CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC);
      CHECK(note != CUDNN_NUMERICAL_NOTE_TENSOR_CORE);  // TF32, for f32
    }
  }
}

TEST_CASE("TF32, when it is allowed, brings engines on tensor cores and has a name of its own") {
  const cuda::Descriptor gpu = cuda::describe_gpu(9, 0);
  const cuda::Target target{nullptr, &gpu};
  ConvConfig config;
  config.spec = {ConvType::convolution, 64, 128, 4, 2, 1};
  config.input = {64, 32, 32, 64};
  const ConvProblem exact = cuda::problem_of(config, ConvPass::forward);
  config.policy.allow_tf32 = true;
  const ConvProblem rounded = cuda::problem_of(config, ConvPass::forward);
  CHECK(to_string(rounded) == to_string(exact) + " tf32");
  const auto count = [&](const ConvProblem& problem) {
    const cuda::Descriptor graph = cuda::conv_graph(problem, target);
    return cuda::engine_candidates(graph, problem, target, cuda::EngineSearch::all).size();
  };
  CHECK(count(rounded) > count(exact));
  config.dtype = DType::bf16;  // without meaning there
  CHECK_FALSE(cuda::problem_of(config, ConvPass::forward).allow_tf32);
}

TEST_CASE("a plan survives the round trip through its text") {
  const cuda::Descriptor gpu = cuda::describe_gpu(9, 0);
  const cuda::Target target{nullptr, &gpu};
  ConvConfig config;
  config.spec = {ConvType::transposed, 128, 64, 4, 2, 1};
  config.input = {64, 16, 16, 128};
  config.dtype = DType::bf16;
  const ConvProblem problem = cuda::problem_of(config, ConvPass::backward_data);
  const cuda::Descriptor graph = cuda::conv_graph(problem, target);
  const auto candidates =
      cuda::engine_candidates(graph, problem, target, cuda::EngineSearch::heuristics);
  REQUIRE_FALSE(candidates.empty());
  const cuda::ExecutionPlan plan = cuda::build_plan(candidates.front(), target);
  REQUIRE(plan.ok);
  const std::string json = plan.descriptor.get_text(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
  const cuda::ExecutionPlan loaded = cuda::load_plan(json, target);
  REQUIRE(loaded.ok);
  CHECK(loaded.workspace_bytes == plan.workspace_bytes);
}

TEST_CASE("a GPU that was never described is refused by name") {
  CHECK_THROWS_WITH(cuda::describe_gpu(3, 5), Contains("3.5"));
}

#include "kernels/conv/cuda/vendor/cudnn_conv.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dcgan::cuda {
namespace {

cudnnDataType_t vendor_type(DType dtype) {
  if (dtype == DType::bf16) return CUDNN_DATA_BFLOAT16;
  DCGAN_CHECK(dtype == DType::f32, "cuDNN: no convolution in {}", name_of(dtype));
  return CUDNN_DATA_FLOAT;
}

enum class Storage { memory, registers };  // cuDNN: virtual, between two operations of a graph

// Channels-last memory, told in the order that cuDNN counts in: (N, C, H, W).
Descriptor tensor(std::int64_t name, const Shape& shape, DType dtype,
                  Storage storage = Storage::memory) {
  Descriptor result(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const std::int64_t channels = shape[3];
  result.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, name);
  result.set(CUDNN_ATTR_TENSOR_DATA_TYPE, vendor_type(dtype));
  result.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{16});
  result.set(CUDNN_ATTR_TENSOR_DIMENSIONS,
             std::vector<std::int64_t>{shape[0], channels, shape[1], shape[2]});
  result.set(CUDNN_ATTR_TENSOR_STRIDES, std::vector<std::int64_t>{shape[1] * shape[2] * channels, 1,
                                                                  shape[2] * channels, channels});
  if (storage == Storage::registers) result.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  result.finalize();
  return result;
}

Descriptor convolution(const ConvProblem& problem) {
  Descriptor result(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  result.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  result.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  result.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2});
  const std::vector<std::int64_t> padding(2, problem.conv.padding);
  result.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, padding);
  result.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, padding);
  result.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES,
             std::vector<std::int64_t>(2, problem.conv.stride));
  result.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::vector<std::int64_t>{1, 1});
  result.finalize();
  return result;
}

// The attribute names of one pass's operation.
struct PassNames {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t convolution, image, weights, features, alpha, beta;
};

PassNames names_of(ConvPass product) {
  switch (product) {
    case ConvPass::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvPass::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case ConvPass::backward_weights:
      break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

Descriptor pointwise(cudnnPointwiseMode_t mode) {
  Descriptor result(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  result.set(CUDNN_ATTR_POINTWISE_MODE, mode);
  result.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  result.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_PROPAGATE_NAN);  // activation.h
  result.finalize();
  return result;
}

// The tensors of a graph from the sums to what is stored: the sums, then after the bias.
class EpilogueTensors {
 public:
  EpilogueTensors(const ConvProblem& problem, TensorName stored, const Shape& shape)
      : problem_(problem), stored_(stored), shape_(shape) {}

  Descriptor sums() const { return after(Epilogue::none); }

  void add_operations(std::vector<Descriptor>& operations) const {
    if (problem_.epilogue == Epilogue::none) return;
    Descriptor& add = operations.emplace_back(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise(CUDNN_POINTWISE_ADD));
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, sums());
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, tensor(kBias, {1, 1, 1, shape_[3]}, DType::f32));
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, after(Epilogue::bias));
    add.finalize();
    if (problem_.epilogue == Epilogue::bias) return;
    Descriptor& relu = operations.emplace_back(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    relu.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise(CUDNN_POINTWISE_RELU_FWD));
    relu.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, after(Epilogue::bias));
    relu.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, after(Epilogue::bias_relu));
    relu.finalize();
  }

 private:
  static constexpr std::int64_t kFirstVirtual = 100;

  Descriptor after(Epilogue step) const {
    if (step == problem_.epilogue) return tensor(stored_, shape_, problem_.conv.dtype);
    return tensor(kFirstVirtual + static_cast<std::int64_t>(step), shape_, DType::f32,
                  Storage::registers);
  }

  const ConvProblem& problem_;
  TensorName stored_;
  Shape shape_;
};

bool keeps_promises(const Descriptor& engine, const ConvProblem& problem) {
  const bool tensor_cores = problem.conv.dtype != DType::f32 || problem.allow_tf32;
  const std::vector<cudnnBackendNumericalNote_t> notes = engine.get_notes();
  return std::none_of(notes.begin(), notes.end(), [&](cudnnBackendNumericalNote_t note) {
    return note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC ||
           note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION ||
           note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
           (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && !tensor_cores);
  });
}

void add_proposals(const Descriptor& graph, cudnnBackendHeurMode_t mode, const Target& target,
                   std::vector<Descriptor>& configs) {
  constexpr std::int64_t kMost = 64;
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (target.described != nullptr) {
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.described);
  }
  if (!heuristics.try_finalize()) return;  // this mode knows nothing of such a graph
  for (Descriptor& config : heuristics.get_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                       CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, kMost)) {
    configs.push_back(std::move(config));
  }
}

void add_engines(const Descriptor& graph, const Target& target, std::vector<Descriptor>& configs) {
  const std::int64_t count = graph.get_int64(CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT);
  for (std::int64_t index = 0; index < count; ++index) {
    Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph);
    engine.set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, index);
    if (target.described != nullptr) engine.set(CUDNN_ATTR_ENGINE_DEVICEPROP, *target.described);
    if (!engine.try_finalize()) continue;
    Descriptor config(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    config.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
    if (config.try_finalize()) configs.push_back(std::move(config));
  }
}

ExecutionPlan finalize_plan(ExecutionPlan plan, const Target& target) {
  if (target.described != nullptr) {
    plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.described);
  } else {
    plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle);
  }
  plan.ok = plan.descriptor.try_finalize();
  if (plan.ok) {
    plan.workspace_bytes = plan.descriptor.get_int64(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
  }
  return plan;
}

}  // namespace

std::string to_string(const ConvProblem& problem) {
  const UnderlyingConv& conv = problem.conv;
  return fmt::format("{} {}x{}x{}x{} {}x{}x{} k{} s{} p{} {} {}{}{}", enum_name(problem.product),
                     conv.image[0], conv.image[1], conv.image[2], conv.image[3], conv.features[1],
                     conv.features[2], conv.features[3], conv.kernel, conv.stride, conv.padding,
                     name_of(conv.dtype), name_of(problem.result),
                     problem.allow_tf32 ? " tf32" : "",
                     problem.epilogue == Epilogue::none   ? ""
                     : problem.epilogue == Epilogue::bias ? " + bias"
                                                          : " + bias, relu");
}

ConvProblem problem_of(const ConvConfig& config, ConvPass pass) {
  return {underlying_product(config.spec.type, pass), underlying_of(config),
          pass == ConvPass::backward_weights ? DType::f32 : config.dtype,
          config.policy.allow_tf32 && config.dtype == DType::f32};
}

std::optional<ConvProblem> fused_problem_of(const ConvConfig& config) {
  const Activation activation = config.activation.kind;
  if (config.bias != ConvBias::per_channel ||
      (activation != Activation::none && activation != Activation::relu)) {
    return std::nullopt;
  }
  ConvProblem problem = problem_of(config, ConvPass::forward);
  problem.epilogue = activation == Activation::relu ? Epilogue::bias_relu : Epilogue::bias;
  return problem;
}

Descriptor conv_graph(const ConvProblem& problem, const Target& target) {
  const PassNames names = names_of(problem.product);
  const UnderlyingConv& conv = problem.conv;
  const EpilogueTensors image(problem, kImage, conv.image);
  const EpilogueTensors features(problem, kFeatures, conv.features);
  const bool makes_weights = problem.product == ConvPass::backward_weights;
  const bool makes_image = problem.product == ConvPass::backward_data;
  std::vector<Descriptor> operations;
  Descriptor& product = operations.emplace_back(names.operation);
  product.set(names.convolution, convolution(problem));
  product.set(names.image, makes_image ? image.sums() : tensor(kImage, conv.image, conv.dtype));
  product.set(names.weights,
              tensor(kWeights, conv.weight_shape(), makes_weights ? problem.result : conv.dtype));
  product.set(names.features, makes_image || makes_weights
                                  ? tensor(kFeatures, conv.features, conv.dtype)
                                  : features.sums());
  product.set(names.alpha, 1.0f);
  product.set(names.beta, 0.0f);
  product.finalize();
  (makes_image ? image : features).add_operations(operations);
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
  if (target.handle != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle);
  graph.finalize();
  return graph;
}

std::vector<Descriptor> engine_candidates(const Descriptor& graph, const ConvProblem& problem,
                                          const Target& target, EngineSearch search) {
  std::vector<Descriptor> configs;
  for (const cudnnBackendHeurMode_t mode :
       {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
    add_proposals(graph, mode, target, configs);
  }
  if (search == EngineSearch::all) add_engines(graph, target, configs);
  std::erase_if(configs, [&](const Descriptor& config) {
    const std::vector<Descriptor> engine =
        config.get_descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
    return engine.empty() || !keeps_promises(engine.front(), problem);
  });
  return configs;
}

ExecutionPlan build_plan(const Descriptor& engine_config, const Target& target) {
  ExecutionPlan plan;
  plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, engine_config);
  return finalize_plan(std::move(plan), target);
}

ExecutionPlan load_plan(const std::string& json, const Target& target) {
  ExecutionPlan plan;
  plan.descriptor.set(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, json);
  return finalize_plan(std::move(plan), target);
}

}  // namespace dcgan::cuda

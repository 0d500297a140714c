// Convolutions through oneDNN. Images are channels-last as they come; weights go through the format
// that oneDNN likes best for the shape, once a call: they change every step, and the copy costs a
// few per cent of the smallest layer's arithmetic.
#include <algorithm>

#include "kernels/conv/cpu/algorithm.h"
#include "kernels/vendor/onednn.h"

namespace dcgan::cpu {
namespace {

using dnnl::memory;
using dnnl::prop_kind;
using Tag = memory::format_tag;

std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// The shapes in oneDNN's terms. Logical extents are NCHW and OIHW; where they lie is in the tags.
struct Descriptions {
  memory::data_type type;
  memory::dims big, small, weights, strides, padding;

  explicit Descriptions(const ConvSides& s)
      : type(dnnl_type(s.dtype)),
        big{s.big[0], s.big[3], s.big[1], s.big[2]},
        small{s.small[0], s.small[3], s.small[1], s.small[2]},
        weights{s.small[3], s.big[3], s.kernel, s.kernel},
        strides{s.stride, s.stride},
        padding{s.padding, s.padding} {}

  memory::desc big_desc() const { return {big, type, Tag::nhwc}; }
  memory::desc small_desc() const { return {small, type, Tag::nhwc}; }
  memory::desc any_weights() const { return {weights, type, Tag::any}; }
  memory::desc any_dweights() const { return {weights, memory::data_type::f32, Tag::any}; }
  /// As the engine stores them: (A, k, k, B).
  memory::desc stored_weights() const { return {weights, type, Tag::ohwi}; }
  memory::desc stored_dweights() const { return {weights, memory::data_type::f32, Tag::ohwi}; }

  using Forward = dnnl::convolution_forward;
  Forward::primitive_desc forward(const dnnl::primitive_attr& attributes) const {
    return {{prop_kind::forward_training, dnnl::algorithm::convolution_direct, big_desc(),
             any_weights(), small_desc(), strides, padding, padding},
            attributes,
            dnnl_engine()};
  }
};

/// A copy between the stored and the library's weight format; empty when they are the same.
DnnlCall make_reorder(const memory::desc& from, const memory::desc& to) {
  if (from == to) return {};
  const dnnl::reorder::primitive_desc description(dnnl_engine(), from, dnnl_engine(), to,
                                                  dnnl_attributes());
  return {dnnl::reorder(description),
          {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}},
          description.scratchpad_desc()};
}

bool append_activation(const ActivationSpec& activation, dnnl::primitive_attr& attributes) {
  dnnl::post_ops after;
  switch (activation.kind) {
    case Activation::none:
      return false;
    case Activation::relu:
      after.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
      break;
    case Activation::leaky_relu:
      after.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, activation.negative_slope, 0.0f);
      break;
    case Activation::tanh:
      after.append_eltwise(1.0f, dnnl::algorithm::eltwise_tanh, 0.0f, 0.0f);
      break;
  }
  attributes.set_post_ops(after);
  return true;
}

/// One of the passes: the convolution and the copy of weights into or out of its format.
struct Pass {
  DnnlCall convolution;
  DnnlCall reorder;
  std::size_t weight_bytes = 0;  // in the library's format; 0 when no copy is needed
  std::string implementation;

  Pass() = default;
  Pass(DnnlCall call, DnnlCall copy, const memory::desc& library_weights, std::string name)
      : convolution(std::move(call)),
        reorder(std::move(copy)),
        weight_bytes(reorder.empty() ? 0 : rounded(library_weights.get_size())),
        implementation(std::move(name)) {}
  /// Scratch: the library's weights, then a scratchpad that both calls use in turn.
  std::size_t workspace_bytes() const {
    return weight_bytes + std::max(convolution.scratchpad_bytes(), reorder.scratchpad_bytes());
  }
};

class LibraryEngine final : public ConvEngine {
 public:
  LibraryEngine(const ConvSides& sides, const ActivationSpec& activation) {
    const Descriptions shapes(sides);
    make_gather(shapes, activation);
    make_scatter(shapes);
    make_weight_gradient(shapes);
  }

  std::size_t workspace_bytes() const override {
    return std::max({gather_.workspace_bytes(), scatter_.workspace_bytes(),
                     weight_gradient_.workspace_bytes()});
  }
  bool fuses_activation() const override { return fused_; }

  void gather(const void* big, const void* weights, void* small, std::byte* scratch) override {
    const void* used = library_weights(gather_, weights, scratch);
    gather_.convolution.run({big, used, small}, scratch + gather_.weight_bytes);
  }
  void scatter(const void* small, const void* weights, void* big, std::byte* scratch) override {
    const void* used = library_weights(scatter_, weights, scratch);
    scatter_.convolution.run({small, used, big}, scratch + scatter_.weight_bytes);
  }
  void weight_gradient(const void* big, const void* small, float* dweights,
                       std::byte* scratch) override {
    Pass& pass = weight_gradient_;
    std::byte* scratchpad = scratch + pass.weight_bytes;
    if (pass.reorder.empty()) return pass.convolution.run({big, small, dweights}, scratchpad);
    pass.convolution.run({big, small, scratch}, scratchpad);
    pass.reorder.run({scratch, dweights}, scratchpad);
  }
  std::string describe() const override {
    return fmt::format("oneDNN {}{}, {}, {}", gather_.implementation, fused_ ? " + activation" : "",
                       scatter_.implementation, weight_gradient_.implementation);
  }

 private:
  static const void* library_weights(Pass& pass, const void* weights, std::byte* scratch) {
    if (pass.reorder.empty()) return weights;
    pass.reorder.run({weights, scratch}, scratch + pass.weight_bytes);
    return scratch;
  }

  void make_gather(const Descriptions& shapes, const ActivationSpec& activation) {
    auto description = shapes.forward(dnnl_attributes());
    dnnl::primitive_attr with_activation = dnnl_attributes();
    if (append_activation(activation, with_activation)) {
      // Fused only into the implementation that would be taken anyway: some have no epilogue, and
      // the library would then fall back to a slow one.
      const auto fused = shapes.forward(with_activation);
      fused_ = std::string(fused.impl_info_str()) == description.impl_info_str();
      if (fused_) description = fused;
    }
    gather_ = Pass({dnnl::convolution_forward(description),
                    {{DNNL_ARG_SRC, description.src_desc()},
                     {DNNL_ARG_WEIGHTS, description.weights_desc()},
                     {DNNL_ARG_DST, description.dst_desc()}},
                    description.scratchpad_desc()},
                   make_reorder(shapes.stored_weights(), description.weights_desc()),
                   description.weights_desc(), description.impl_info_str());
  }

  void make_scatter(const Descriptions& shapes) {
    using Backward = dnnl::convolution_backward_data;
    const Backward::primitive_desc description(
        {dnnl::algorithm::convolution_direct, shapes.big_desc(), shapes.any_weights(),
         shapes.small_desc(), shapes.strides, shapes.padding, shapes.padding},
        dnnl_attributes(), dnnl_engine(), shapes.forward(dnnl_attributes()));
    scatter_ = Pass({Backward(description),
                     {{DNNL_ARG_DIFF_DST, description.diff_dst_desc()},
                      {DNNL_ARG_WEIGHTS, description.weights_desc()},
                      {DNNL_ARG_DIFF_SRC, description.diff_src_desc()}},
                     description.scratchpad_desc()},
                    make_reorder(shapes.stored_weights(), description.weights_desc()),
                    description.weights_desc(), description.impl_info_str());
  }

  void make_weight_gradient(const Descriptions& shapes) {
    using Backward = dnnl::convolution_backward_weights;
    const Backward::primitive_desc description(
        {dnnl::algorithm::convolution_direct, shapes.big_desc(), shapes.any_dweights(),
         shapes.small_desc(), shapes.strides, shapes.padding, shapes.padding},
        dnnl_attributes(), dnnl_engine(), shapes.forward(dnnl_attributes()));
    const memory::desc library = description.diff_weights_desc();
    weight_gradient_ =
        Pass({Backward(description),
              {{DNNL_ARG_SRC, description.src_desc()},
               {DNNL_ARG_DIFF_DST, description.diff_dst_desc()},
               {DNNL_ARG_DIFF_WEIGHTS, library}},
              description.scratchpad_desc()},
             make_reorder(library, shapes.stored_dweights()), library, description.impl_info_str());
  }

  Pass gather_;
  Pass scatter_;
  Pass weight_gradient_;
  bool fused_ = false;
};

}  // namespace

std::unique_ptr<ConvEngine> make_library_engine(const ConvSides& sides,
                                                const ActivationSpec& activation) {
  return with_dnnl_errors("conv", [&]() -> std::unique_ptr<ConvEngine> {
    return std::make_unique<LibraryEngine>(sides, activation);
  });
}

}  // namespace dcgan::cpu

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
  memory::dims image, features, weights, strides, padding;

  explicit Descriptions(const UnderlyingConv& s)
      : type(dnnl_type(s.dtype)),
        image{s.image[0], s.image[3], s.image[1], s.image[2]},
        features{s.features[0], s.features[3], s.features[1], s.features[2]},
        weights{s.features[3], s.image[3], s.kernel, s.kernel},
        strides{s.stride, s.stride},
        padding{s.padding, s.padding} {}

  memory::desc image_desc() const { return {image, type, Tag::nhwc}; }
  memory::desc features_desc() const { return {features, type, Tag::nhwc}; }
  memory::desc any_weights() const { return {weights, type, Tag::any}; }
  memory::desc any_dweights() const { return {weights, memory::data_type::f32, Tag::any}; }
  /// As tensors of the contract: (K, kernel, kernel, C).
  memory::desc stored_weights() const { return {weights, type, Tag::ohwi}; }
  memory::desc stored_dweights() const { return {weights, memory::data_type::f32, Tag::ohwi}; }

  using Forward = dnnl::convolution_forward;
  Forward::primitive_desc forward(const dnnl::primitive_attr& attributes) const {
    return {{prop_kind::forward_training, dnnl::algorithm::convolution_direct, image_desc(),
             any_weights(), features_desc(), strides, padding, padding},
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

/// One of the products: the convolution and the copy of weights into or out of its format.
struct ProductCalls {
  DnnlCall convolution;
  DnnlCall reorder;
  std::size_t weight_bytes = 0;  // in the library's format; 0 when no copy is needed
  std::string implementation;

  ProductCalls() = default;
  ProductCalls(DnnlCall call, DnnlCall copy, const memory::desc& library_weights, std::string name)
      : convolution(std::move(call)),
        reorder(std::move(copy)),
        weight_bytes(reorder.empty() ? 0 : rounded(library_weights.get_size())),
        implementation(std::move(name)) {}
  /// Scratch: the library's weights, then a scratchpad that both calls use in turn.
  std::size_t workspace_bytes() const {
    return weight_bytes + std::max(convolution.scratchpad_bytes(), reorder.scratchpad_bytes());
  }
};

class LibraryAlgorithm final : public ConvAlgorithm {
 public:
  LibraryAlgorithm(const UnderlyingConv& conv, const ActivationSpec& activation) {
    const Descriptions shapes(conv);
    if (conv.products.forward) make_forward(shapes, activation);
    if (conv.products.backward_data) make_backward_data(shapes);
    if (conv.products.backward_weights) make_backward_weights(shapes);
  }

  std::size_t workspace_bytes(ConvPass product) const override {
    switch (product) {
      case ConvPass::forward:
        return forward_.workspace_bytes();
      case ConvPass::backward_data:
        return backward_data_.workspace_bytes();
      case ConvPass::backward_weights:
        break;
    }
    return backward_weights_.workspace_bytes();
  }
  bool fuses_activation() const override { return fused_; }

  void forward(const void* image, const void* weights, void* features,
               std::byte* scratch) override {
    const void* used = library_weights(forward_, weights, scratch);
    forward_.convolution.run({image, used, features}, scratch + forward_.weight_bytes);
  }
  void backward_data(const void* features, const void* weights, void* image,
                     std::byte* scratch) override {
    const void* used = library_weights(backward_data_, weights, scratch);
    backward_data_.convolution.run({features, used, image}, scratch + backward_data_.weight_bytes);
  }
  void backward_weights(const void* image, const void* features, float* dweights,
                        std::byte* scratch) override {
    ProductCalls& calls = backward_weights_;
    std::byte* scratchpad = scratch + calls.weight_bytes;
    if (calls.reorder.empty()) {
      return calls.convolution.run({image, features, dweights}, scratchpad);
    }
    calls.convolution.run({image, features, scratch}, scratchpad);
    calls.reorder.run({scratch, dweights}, scratchpad);
  }
  std::string describe() const override {
    std::string text;
    const auto add = [&text](const char* product, const ProductCalls& calls, const char* more) {
      if (calls.convolution.empty()) return;
      text +=
          fmt::format("{}{} {}{}", text.empty() ? " " : ", ", product, calls.implementation, more);
    };
    add("forward", forward_, fused_ ? " + activation" : "");
    add("backward_data", backward_data_, "");
    add("backward_weights", backward_weights_, "");
    return text;
  }

 private:
  static const void* library_weights(ProductCalls& calls, const void* weights, std::byte* scratch) {
    if (calls.reorder.empty()) return weights;
    calls.reorder.run({weights, scratch}, scratch + calls.weight_bytes);
    return scratch;
  }

  void make_forward(const Descriptions& shapes, const ActivationSpec& activation) {
    auto description = shapes.forward(dnnl_attributes());
    dnnl::primitive_attr with_activation = dnnl_attributes();
    if (append_activation(activation, with_activation)) {
      // Fused only into the implementation that would be taken anyway: some have no epilogue, and
      // the library would then fall back to a slow one.
      const auto fused = shapes.forward(with_activation);
      fused_ = std::string(fused.impl_info_str()) == description.impl_info_str();
      if (fused_) description = fused;
    }
    forward_ = ProductCalls({dnnl::convolution_forward(description),
                             {{DNNL_ARG_SRC, description.src_desc()},
                              {DNNL_ARG_WEIGHTS, description.weights_desc()},
                              {DNNL_ARG_DST, description.dst_desc()}},
                             description.scratchpad_desc()},
                            make_reorder(shapes.stored_weights(), description.weights_desc()),
                            description.weights_desc(), description.impl_info_str());
  }

  void make_backward_data(const Descriptions& shapes) {
    using Backward = dnnl::convolution_backward_data;
    const Backward::primitive_desc description(
        {dnnl::algorithm::convolution_direct, shapes.image_desc(), shapes.any_weights(),
         shapes.features_desc(), shapes.strides, shapes.padding, shapes.padding},
        dnnl_attributes(), dnnl_engine(), shapes.forward(dnnl_attributes()));
    backward_data_ = ProductCalls({Backward(description),
                                   {{DNNL_ARG_DIFF_DST, description.diff_dst_desc()},
                                    {DNNL_ARG_WEIGHTS, description.weights_desc()},
                                    {DNNL_ARG_DIFF_SRC, description.diff_src_desc()}},
                                   description.scratchpad_desc()},
                                  make_reorder(shapes.stored_weights(), description.weights_desc()),
                                  description.weights_desc(), description.impl_info_str());
  }

  void make_backward_weights(const Descriptions& shapes) {
    using Backward = dnnl::convolution_backward_weights;
    const Backward::primitive_desc description(
        {dnnl::algorithm::convolution_direct, shapes.image_desc(), shapes.any_dweights(),
         shapes.features_desc(), shapes.strides, shapes.padding, shapes.padding},
        dnnl_attributes(), dnnl_engine(), shapes.forward(dnnl_attributes()));
    const memory::desc library = description.diff_weights_desc();
    backward_weights_ = ProductCalls({Backward(description),
                                      {{DNNL_ARG_SRC, description.src_desc()},
                                       {DNNL_ARG_DIFF_DST, description.diff_dst_desc()},
                                       {DNNL_ARG_DIFF_WEIGHTS, library}},
                                      description.scratchpad_desc()},
                                     make_reorder(library, shapes.stored_dweights()), library,
                                     description.impl_info_str());
  }

  ProductCalls forward_;
  ProductCalls backward_data_;
  ProductCalls backward_weights_;
  bool fused_ = false;
};

}  // namespace

std::unique_ptr<ConvAlgorithm> make_library(const UnderlyingConv& conv,
                                            const ActivationSpec& activation) {
  return with_dnnl_errors("conv", [&]() -> std::unique_ptr<ConvAlgorithm> {
    return std::make_unique<LibraryAlgorithm>(conv, activation);
  });
}

}  // namespace dcgan::cpu

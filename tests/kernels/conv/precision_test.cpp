// A weight gradient that is rounded to bf16 on its way is allowed to plans that say so, only.
#include "tests/kernels/conv/support.h"
#include "tests/support/catch.h"

namespace dcgan::test {
namespace {

/// A plan of the CPU's whose weight gradients are rounded to bf16.
class RoundingPlan final : public ConvPlan {
 public:
  RoundingPlan(std::unique_ptr<ConvPlan> plan, DType said) : plan_(std::move(plan)), said_(said) {}

  std::size_t workspace_bytes(ConvPass pass) const override { return plan_->workspace_bytes(pass); }
  DType precision_of_dweights() const override { return said_; }
  std::string describe() const override { return plan_->describe(); }
  void forward(const Context& context, const ConvForward& tensors) override {
    plan_->forward(context, tensors);
  }
  void activation_backward(const Context& context, const ConvBackward& tensors) override {
    plan_->activation_backward(context, tensors);
  }
  void backward_data(const Context& context, const ConvBackward& tensors) override {
    plan_->backward_data(context, tensors);
  }
  void backward_weights(const Context& context, const ConvBackward& tensors) override {
    plan_->backward_weights(context, tensors);
    context.synchronize();
    auto* values = static_cast<float*>(tensors.dweights.data);
    for (std::int64_t i = 0; i < tensors.dweights.elements(); ++i) {
      values[i] = static_cast<float>(bf16(values[i]));
    }
  }

 private:
  std::unique_ptr<ConvPlan> plan_;
  DType said_;
};

}  // namespace

TEST_CASE("a weight gradient rounded to bf16 is right for a plan that says so, and wrong else") {
  const Context context(Device{});
  const ConvConfig config{{ConvType::convolution, 16, 8, 4, 2, 1}, {}, {2, 8, 8, 16}, DType::f32};
  for (const DType said : {DType::bf16, DType::f32}) {
    RoundingPlan plan(plan_convolution(context, config), said);
    int failed = 0;
    check_convolution(context, config, plan, [&](const Comparison& comparison) {
      if (comparison.passed()) return;
      CHECK(std::string(comparison.name) == "dweights");
      ++failed;
    });
    CHECK(failed == (said == DType::bf16 ? 0 : 1));
  }
}

}  // namespace dcgan::test

#include "benchmarks/peers/libtorch_dcgan/step.h"

#include <cmath>
#include <stdexcept>
#include <utility>

namespace peer {
namespace {

// Float32 Adam of the C++ library, which has no fused form.
torch::optim::AdamOptions adam_options() {
  return torch::optim::AdamOptions(2e-4).betas(std::make_tuple(0.5, 0.999));
}

void set_requires_grad(torch::nn::Sequential& network, bool value) {
  for (torch::Tensor& parameter : network->parameters()) parameter.set_requires_grad(value);
}

// Gradients as None rather than zero: nothing to clear, nothing to add to.
void drop_gradients(torch::nn::Sequential& network) {
  for (torch::Tensor& parameter : network->parameters()) parameter.mutable_grad().reset();
}

}  // namespace

Way way_of(const std::string& name) {
  if (name == "tutorial") return Way::tutorial;
  if (name == "tuned") return Way::tuned;
  throw std::invalid_argument("no variant " + name + "; there are tutorial, tuned");
}

void prepare(torch::nn::Sequential& network, Way way) {
  initialise(*network);
  if (way == Way::tutorial) return;
  torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : network->parameters()) {
    if (parameter.dim() == 4) {
      parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
    }
  }
}

Step::Step(Way way, const NetworkOptions& options, torch::Tensor images, std::int64_t batch)
    : way_(way),
      options_(options),
      images_(std::move(images)),
      batch_(batch),
      generator_(make_generator(options)),
      discriminator_(make_discriminator(options)),
      adam_g_(generator_->parameters(), adam_options()),
      adam_d_(discriminator_->parameters(), adam_options()),
      ones_(torch::ones({batch})),
      zeros_(torch::zeros({batch})) {
  if (images_.size(0) < batch) {
    throw std::invalid_argument("step: " + std::to_string(images_.size(0)) +
                                " images are less than a batch of " + std::to_string(batch));
  }
  torch::manual_seed(0);
  prepare(generator_, way);
  prepare(discriminator_, way);
}

torch::Tensor Step::next_batch() {
  if (next_image_ + batch_ > images_.size(0)) next_image_ = 0;
  const torch::Tensor pixels = images_.narrow(0, next_image_, batch_);
  next_image_ += batch_;
  const torch::Tensor real = pixels.to(torch::kFloat32).div_(255).sub_(0.5).div_(0.5);
  return way_ == Way::tutorial ? real : real.contiguous(torch::MemoryFormat::ChannelsLast);
}

torch::Tensor Step::noise() const { return torch::randn({batch_, options_.nz, 1, 1}); }

void Step::run() {
  const torch::Tensor real = next_batch();
  if (way_ == Way::tutorial) {
    run_as_tutorial(real);
  } else {
    run_tuned(real);
  }
}

void Step::run_as_tutorial(const torch::Tensor& real) {
  const auto says = [&](const torch::Tensor& x) {
    return torch::sigmoid(discriminator_->forward(x));
  };
  discriminator_->zero_grad();
  const torch::Tensor real_labels = torch::empty({batch_}).uniform_(0.8, 1.0);
  const torch::Tensor on_real = torch::binary_cross_entropy(says(real), real_labels);
  on_real.backward();
  const torch::Tensor fake = generator_->forward(noise());
  const torch::Tensor on_fake = torch::binary_cross_entropy(says(fake.detach()), zeros_);
  on_fake.backward();
  loss_d_ = on_real + on_fake;
  adam_d_.step();
  generator_->zero_grad();
  loss_g_ = torch::binary_cross_entropy(says(fake), ones_);
  loss_g_.backward();
  adam_g_.step();
  loss_d_.item<float>();
  loss_g_.item<float>();
}

void Step::run_tuned(const torch::Tensor& real) {
  const auto bce = [](const torch::Tensor& logits, const torch::Tensor& labels) {
    return torch::binary_cross_entropy_with_logits(logits, labels);
  };
  drop_gradients(discriminator_);
  const torch::Tensor on_real = bce(discriminator_->forward(real), ones_);
  on_real.backward();
  const torch::Tensor fake = generator_->forward(noise());
  const torch::Tensor on_fake = bce(discriminator_->forward(fake.detach()), zeros_);
  on_fake.backward();
  adam_d_.step();
  drop_gradients(generator_);
  set_requires_grad(discriminator_, false);
  const torch::Tensor on_g = bce(discriminator_->forward(fake), ones_);
  on_g.backward();
  set_requires_grad(discriminator_, true);
  adam_g_.step();
  loss_d_ = on_real.detach() + on_fake.detach();
  loss_g_ = on_g.detach();
}

void Step::require_finite() const {
  const double d = loss_d_.item<double>();
  const double g = loss_g_.item<double>();
  if (std::isfinite(d) && std::isfinite(g)) return;
  throw std::runtime_error("step: losses " + std::to_string(d) + " and " + std::to_string(g) +
                           " are not finite");
}

}  // namespace peer

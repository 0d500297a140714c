// One adversarial step, in the two set-ups that are timed.
#pragma once

#include <torch/torch.h>

#include <string>

#include "benchmarks/peers/libtorch_dcgan/networks.h"

namespace peer {

enum class Way {
  tutorial,  ///< as PyTorch's C++ tutorial does it: sigmoid and BCE, smoothed labels, .item()
  tuned      ///< channels_last, BCE on logits, no weight gradients of D in G's step, nothing read
};

Way way_of(const std::string& name);  // throws std::invalid_argument

class Step {
 public:
  /// `images`: (count, C, H, W), uint8, count >= batch.
  Step(Way way, const NetworkOptions& options, torch::Tensor images, std::int64_t batch);

  /// Normalises the next images, draws noise, updates both networks.
  void run();

  /// Throws std::runtime_error when a loss of the last step is not finite.
  void require_finite() const;

  torch::nn::Sequential& generator() { return generator_; }

 private:
  void run_as_tutorial(const torch::Tensor& real);
  void run_tuned(const torch::Tensor& real);
  torch::Tensor next_batch();
  torch::Tensor noise() const;  // (N, nz, 1, 1)

  Way way_;
  NetworkOptions options_;
  torch::Tensor images_;
  std::int64_t batch_;
  std::int64_t next_image_ = 0;
  torch::nn::Sequential generator_;
  torch::nn::Sequential discriminator_;
  torch::optim::Adam adam_g_;
  torch::optim::Adam adam_d_;
  torch::Tensor ones_;   // (N)
  torch::Tensor zeros_;  // (N)
  torch::Tensor loss_g_;
  torch::Tensor loss_d_;
};

/// Weights and layout as the step's way has them.
void prepare(torch::nn::Sequential& network, Way way);

}  // namespace peer

// A small engine with images of its own, for the tests of models/training.
#pragma once

#include <cstring>
#include <utility>
#include <vector>

#include "models/training/engine.h"
#include "runtime/base/host_tensor.h"
#include "runtime/comm/local_communicator.h"
#include "tests/models/network_state.h"
#include "tests/support/catch.h"
#include "tests/support/devices.h"

namespace dcgan::test {

/// 32 px grey, a few channels.
inline TrainingConfig tiny_config() {
  TrainingConfig config;
  config.model = {NetworkFamily::dcgan, 32, 1, 6, 4, 4};
  config.batch = 4;
  config.tuning = ConvTuning::off;
  return config;
}

/// tanh of normal numbers.
inline HostTensor random_tensor(const Shape& shape, std::uint32_t sample) {
  HostTensor tensor(shape, DType::f32);
  RandomSequence numbers({1, RandomStream::test}, 0, sample);
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    tensor.view().as<float>()[i] = std::tanh(numbers.next_normal());
  }
  return tensor;
}

/// A few batches of random images on the device, in turn.
class RandomImages final : public ImageSource {
 public:
  RandomImages(const Context& context, const TrainingConfig& config)
      : shape_{config.batch, config.model.image_size, config.model.image_size,
               config.model.channels},
        updates_(config.discriminator_steps),
        chosen_(context, sizeof(float) * static_cast<std::size_t>(config.discriminator_steps *
                                                                  shape_.elements())) {
    for (std::uint32_t i = 0; i < kBatches; ++i) {
      const HostTensor batch = random_tensor({shape_.elements()}, 100 + i);
      batches_.emplace_back(context, batch.view().bytes());
      upload(context, batch.view(), view(batches_.back(), shape_.elements()));
    }
  }

  void select(const Context& context, std::int64_t first_update) override {
    for (std::int64_t i = 0; i < updates_; ++i) {
      const auto batch = static_cast<std::size_t>((first_update + i) % kBatches);
      copy(context, view(batches_[batch], shape_.elements()), chosen(i));
    }
  }
  void load(const Context& context, const StepUpdate& update, TensorView images) override {
    copy(context, chosen(update.index), images.reshaped({shape_.elements()}));
  }
  void prefetch(std::int64_t first_update) override { prefetched_ = first_update; }
  std::int64_t prefetched() const { return prefetched_; }

 private:
  static constexpr std::uint32_t kBatches = 3;
  static TensorView view(const Buffer& buffer, std::int64_t elements) {
    return {buffer.data(), {elements}, DType::f32};
  }
  TensorView chosen(std::int64_t index) const {
    const std::int64_t elements = shape_.elements();
    return view(chosen_, updates_ * elements).rows(index * elements, elements);
  }

  Shape shape_;
  std::int64_t updates_;
  std::vector<Buffer> batches_;
  Buffer chosen_;
  std::int64_t prefetched_ = -1;
};

/// An engine and its images.
struct TinyTraining {
  TinyTraining(const Context& context, const TrainingConfig& config)
      : engine(context, communicator, config), images(context, config) {
    engine.set_images(images);
  }
  LocalCommunicator communicator;
  TrainingEngine engine;
  RandomImages images;
};

using TrainedState = std::pair<std::vector<std::byte>, std::vector<std::byte>>;
inline TrainedState state_of(const Context& context, const TrainingEngine& engine) {
  context.synchronize();
  return {state_of(context, engine.generator()), state_of(context, engine.discriminator())};
}

}  // namespace dcgan::test

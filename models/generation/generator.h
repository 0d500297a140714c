// Images from a generator: inference with running statistics, so that the same z gives the same
// image whatever else is in the batch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/input/latent.h"
#include "kernels/input/strided_images.h"
#include "models/generation/captured_passes.h"
#include "models/networks/folded_network.h"
#include "models/networks/network.h"
#include "models/networks/precision.h"
#include "runtime/base/host_tensor.h"

namespace dcgan {

struct GeneratorOptions {
  std::int64_t batch = 64;  ///< images that one pass computes: the most that generate() takes
  Precision precision = Precision::fp32;
  ConvTuning tuning = ConvTuning::off;
};

/// The memory that a Generator allocates on the device besides the trained weights,
/// parameter_count(blocks) float32. Allocates none of it. Throws Error(unavailable) when the device
/// cannot compute in the precision.
MemoryPlan generator_memory_plan(const Context& context, const std::vector<BlockSpec>& blocks,
                                 const GeneratorOptions& options);

/// And of pinned host memory: what sample() and generate_to_host() copy through. 0 on the CPU.
std::size_t generator_pinned_bytes(const Context& context, const std::vector<BlockSpec>& blocks,
                                   const GeneratorOptions& options);

/// Computes with batch norm folded into the weights (models/networks/folded_network.h).
class Generator {
 public:
  /// A generator of its own, without weights yet: change_weights() or copy_weights() gives them.
  /// Throws as generator_memory_plan(), and Error(unavailable) when there is not enough memory.
  Generator(const Context& context, std::vector<BlockSpec> blocks, const GeneratorOptions& options);

  const Network& network() const { return network_; }
  const MemoryPlan& memory_plan() const { return plan_; }
  std::int64_t batch() const { return options_.batch; }
  std::int64_t nz() const { return network_.blocks().front().conv.in_channels; }
  Precision precision() const { return options_.precision; }
  Shape images_shape(std::int64_t count) const;  ///< (count, H, W, C)

  /// Lets `change` load or compute weights and running statistics, then folds them.
  void change_weights(const Context& context, const std::function<void(Network&)>& change);
  /// Takes the weights (values or ema) and running statistics of a network in training.
  void copy_weights(const Context& context, const Network& trained, ParameterArray array);

  /// images = G(latent). Enqueued: allocates nothing on the device and does not wait, so it can be
  /// captured into a Graph once it has run. Both tensors lie on the context's device and belong to
  /// the caller. Image i is a function of row i alone, bit for bit.
  ///   latent: (n, nz), 0 <= n <= batch(); f32, or the type that the network computes in
  ///   images: (n, H, W, C); f32 or bf16: values in (-1, 1); u8: as images_to_uint8() rounds them
  /// Throws Error(internal) on other shapes and types.
  void generate(const Context& context, ConstTensorView latent, TensorView images);
  /// The same into any type, layout and strides (kernels/input/strided_images.h).
  void generate(const Context& context, ConstTensorView latent, const StridedImages& images);
  /// As generate(), but `images` lies in host memory, pinned or not; latent on the device. Waits.
  void generate_to_host(const Context& context, ConstTensorView latent,
                        const StridedImages& images);

  /// images = G(the next batch() latent vectors), drawn on the device: call k writes the images of
  /// rows k * batch() .. of the sequence of options.key that latent_for_seed() begins. `images` as
  /// above with n = batch(). Enqueued. On a GPU one launch of a graph, from the second call on with
  /// the same images and options; calls with fresh memory each time are enqueued kernel by kernel.
  /// options.number is not used.
  void generate_next(const Context& context, TensorView images, const LatentOptions& options);
  /// The next generate_next() is call k. Waits.
  void set_next(const Context& context, std::int64_t k);

  /// Latent vectors into z, (n, nz) f32 or bf16 on the context's device. Enqueued. Row i is a
  /// function of (options.key, options.first_sample + i) alone; in f32 with first_sample 0 it is
  /// row i of latent_for_seed().
  void draw(const Context& context, TensorView z, const LatentOptions& options) const;

  /// z: (n, nz) f32 on the host, any n -> images (n, H, W, C) u8 on the host. Waits. On a GPU, for
  /// each batch(): a copy from and one to pinned memory, one launch of a graph, one wait. Throws
  /// Error(config) on vectors of another length.
  HostTensor sample(const Context& context, const HostTensor& z);
  /// As sample(), but the values in (-1, 1): (n, H, W, C) f32.
  HostTensor sample_values(const Context& context, const HostTensor& z);

 private:
  struct Slots {
    SlotId latent;       // (batch, 1, 1, nz) in the network's type: its input
    SlotId draw_step;    // (1) i64, always 0: the step of the numbers that draw() makes
    SlotId next;         // (1) i64: the number of the next generate_next()
    SlotId host_latent;  // GPU: (batch, nz) f32, the vectors of sample()
    SlotId host_images;  // GPU: (batch, H, W, C) f32, what sample() downloads
    SlotId workspace;
  };
  static Slots add_slots(const Context& context, MemoryPlan& plan, const Activations& activations,
                         const Shape& latent, const GeneratorOptions& options);
  friend MemoryPlan generator_memory_plan(const Context& context,
                                          const std::vector<BlockSpec>& blocks,
                                          const GeneratorOptions& options);

  void check_latent(ConstTensorView latent) const;
  void check_shape(const Shape& images, std::int64_t count) const;
  void check_images(ConstTensorView images, std::int64_t count) const;
  TensorView latent_rows(std::int64_t count) const;
  void load_latent(const Context& context, ConstTensorView latent);
  void compute(const Context& context, TensorView images);
  HostTensor sample_as(const Context& context, const HostTensor& z, DType dtype);
  void sample_batch(const Context& context, ConstTensorView z, TensorView images);

  GeneratorOptions options_;
  Network network_;
  MemoryPlan plan_;
  FoldedNetwork folded_;
  Activations activations_;
  Slots slots_;
  Buffer pinned_;  // GPU: latent vectors, then images, of sample(). Before the arena, whose release
                   // waits for the copies
  Arena arena_;
  TensorView own_output_;
  CapturedPasses passes_;
  Context host_{Device{}};  // generate_to_host(): what computes on the host
};

}  // namespace dcgan

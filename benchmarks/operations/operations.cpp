#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {

const std::vector<Operation>& operations() {
  static const std::vector<Operation> all{
      conv_operation(),        dense_operation(),         image_conv_operation(),
      batch_norm_operation(),  block_operation(),         activation_operation(),
      loss_operation(),        optimizer_operation(),     latent_operation(),
      image_batch_operation(), convert_operation(),       add_operation(),
      stopwatch_operation(),   strided_images_operation()};
  return all;
}

}  // namespace dcgan::benchmarks

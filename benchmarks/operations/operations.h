// One function a file of this folder.
#pragma once

#include "benchmarks/operation.h"

namespace dcgan::benchmarks {

Operation conv_operation();
Operation dense_operation();
Operation image_conv_operation();
Operation batch_norm_operation();
Operation block_operation();
Operation activation_operation();
Operation loss_operation();
Operation optimizer_operation();
Operation latent_operation();
Operation image_batch_operation();
Operation strided_images_operation();
Operation convert_operation();
Operation add_operation();
Operation stopwatch_operation();

}  // namespace dcgan::benchmarks

// The layers with an image of 1 to 4 channels on one side, their activation inside: own kernels on
// a GPU, im2col on the CPU.
#include "benchmarks/conv_layers.h"
#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {

Operation image_conv_operation() {
  return {
      "image_conv",
      {"kernels/conv/conv.h"},
      "layers with an image on one side, activation inside: forward and both gradients; on a GPU "
      "also each of our kernels by itself",
      [](Session& session) { check_layers(session, {ConvClass::small_channel}); },
      [](Session& session) {
        time_layers(session, {ConvClass::small_channel});
        time_own_kernels(session, {ConvClass::small_channel});
      },
      /*convolves=*/true};
}

}  // namespace dcgan::benchmarks

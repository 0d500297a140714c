// Convolutions between feature maps: the library's on a GPU (best plan and first proposal) and each
// size of our tiles, oneDNN, im2col and Winograd on the CPU.
#include "benchmarks/conv_layers.h"
#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {

Operation conv_operation() {
  return {
      "conv",
      {"kernels/conv/conv.h"},
      "convolutions between feature maps: forward, data gradient, weight gradient; on a GPU also "
      "each of our kernels by itself",
      [](Session& session) { check_layers(session, {ConvClass::wide}); },
      [](Session& session) {
        time_layers(session, {ConvClass::wide});
        time_own_kernels(session, {ConvClass::wide});
      },
      /*convolves=*/true};
}

}  // namespace dcgan::benchmarks

// The layers with an image on one side, their activation inside: own kernels on a GPU
// (kernels/conv/cuda/small_channel.h), im2col on the CPU.
#include "benchmarks/conv_layers.h"
#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {

Operation image_conv_operation() {
  return {"image_conv",
          {"kernels/conv/conv.h"},
          "layers with an image on one side, activation inside: forward and both gradients",
          [](Session& session) { check_layers(session, LayerKind::image); },
          [](Session& session) { time_layers(session, LayerKind::image); }};
}

}  // namespace dcgan::benchmarks

// The generator's stem and the discriminator's head: convolutions that are matrix products.
#include "benchmarks/conv_layers.h"
#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {

Operation dense_operation() {
  return {"dense",
          {"kernels/conv/conv.h"},
          "the generator's stem and the discriminator's head: forward and both gradients",
          [](Session& session) {
            check_layers(session, {ConvClass::gemm, ConvClass::gemv});
          },
          [](Session& session) {
            time_layers(session, {ConvClass::gemm, ConvClass::gemv});
          },
          /*convolves=*/true};
}

}  // namespace dcgan::benchmarks

// The generator's stem and the discriminator's head: convolutions that are matrix products.
#include "benchmarks/conv_layers.h"
#include "benchmarks/operations/operations.h"

namespace dcgan::benchmarks {

Operation dense_operation() {
  return {"dense",
          {"kernels/conv/conv.h"},
          "the generator's stem and the discriminator's head: forward and both gradients",
          [](Session& session) { check_layers(session, LayerKind::dense); },
          [](Session& session) { time_layers(session, LayerKind::dense); }};
}

}  // namespace dcgan::benchmarks

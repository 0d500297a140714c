// Blocks that are chosen by timing: on a GPU, or on the emulated device.
#include "runtime/base/build_config.h"
#include "tests/kernels/block/support.h"
#include "tests/kernels/own_cache.h"

namespace dcgan::test {

TEST_CASE("a tuned block chooses among the composite and our kernels with statistics") {
  if (!kEmulated) {
    WARN("skipped: which is fastest cannot be told in advance on a GPU");
    return;
  }
  const OwnCache cache;
  const Context context(devices_under_test().back());
  BlockConfig config{{ConvType::convolution, 32, 64, 4, 2, 1},
                     Norm::batch,
                     {Activation::leaky_relu, 0.2f},
                     {2, 2, 4, 32},
                     /*norm_groups=*/2,
                     DType::bf16};
  config.policy.tuning = ConvTuning::heuristic;
  config.passes = {/*forward=*/true, /*backward_data=*/false, /*backward_weights=*/false};
  for (const NormStatistics statistics : {NormStatistics::local, NormStatistics::exchanged}) {
    config.norm_statistics = statistics;
    cache.clear();
    CHECK_THAT(plan_block(context, config)->describe(), !Contains("passed over"));
    CHECK(cache.files() == 2);  // the convolution's forward pass and the block
    cache.replace("block ", "composite");
    CHECK_THAT(plan_block(context, config)->describe(), !Contains("with statistics"));
    cache.replace("block ", "tensor core 64x64 shallow");
    CHECK_THAT(plan_block(context, config)->describe(), Contains("with statistics"));
  }
}

}  // namespace dcgan::test

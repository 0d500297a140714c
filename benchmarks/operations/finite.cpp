// Looking for numbers that are not finite among a network's gradients.
#include "kernels/elementwise/finite.h"

#include <cmath>

#include "benchmarks/operations/operations.h"
#include "models/networks/blocks.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  const Context& context = session.context();
  const DType dtype = session.settings().dtype();
  constexpr std::int64_t kCount = 10'007;
  const auto flag_for = [&](const Values& values) {
    const DeviceTensor x(context, values, dtype), flag(context, {1}, DType::i32);
    detect_non_finite(context, x.view(), flag.view());
    return flag.read(context);
  };
  Values values = reference::random_values({kCount}, 1, dtype);
  session.compare_exactly("finite", flag_for(values), Values({1}, {0}));
  for (const double bad : {NAN, INFINITY, -INFINITY}) {
    values[kCount - 1] = bad;  // the last, which a loop by vectors leaves over
    session.compare_exactly("not finite", flag_for(values), Values({1}, {1}));
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const ModelConfig& model = session.settings().model;
  const DeviceTensor flag(context, {1}, DType::i32);
  const auto time_network = [&](const char* name, std::int64_t count) {
    const auto gradients = DeviceTensor::random(context, {count}, DType::f32, 1e-3);
    session.time({name, {count}, 0, static_cast<double>(gradients.view().bytes()), 1, "", ""},
                 [&] { detect_non_finite(context, gradients.view(), flag.view()); });
  };
  time_network("G gradients", parameter_count(generator_blocks(model)));
  time_network("D gradients", parameter_count(discriminator_blocks(model)));
}

}  // namespace

Operation finite_operation() {
  return {"finite",
          {"kernels/elementwise/finite.h"},
          "NaN or infinity among a network's gradients",
          check,
          time};
}

}  // namespace dcgan::benchmarks

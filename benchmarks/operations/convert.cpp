// Conversions of type and of layout, for files and callers outside the engine.
#include "kernels/elementwise/convert.h"

#include "benchmarks/operations/operations.h"
#include "models/networks/blocks.h"
#include "tests/cases/elementwise.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  for (const std::int64_t count : test::elementwise_counts()) {
    test::check_type_conversion(session.context(), count, session.report(std::to_string(count)));
  }
  for (const Shape& shape : test::layout_cases()) {
    test::check_layouts(session.context(), shape, session.report(to_string(shape)));
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const Settings& settings = session.settings();
  const std::int64_t count = parameter_count(generator_blocks(settings.model));
  const auto wide = DeviceTensor::random(context, {count}, DType::f32, 0.02);
  const DeviceTensor narrow(context, {count}, DType::bf16);
  const double type_bytes = 6.0 * static_cast<double>(count);
  session.time({"f32 to bf16", {count}, 0, type_bytes, 0, "", ""},
               [&] { convert_type(context, wide.view(), narrow.view()); });
  session.time({"bf16 to f32", {count}, 0, type_bytes, 0, "", ""},
               [&] { convert_type(context, narrow.view(), wide.view()); });

  const std::int64_t size = settings.model.image_size;
  const Shape planes{settings.batch, settings.model.channels, size, size};
  const Shape pixels{settings.batch, size, size, settings.model.channels};
  const auto x = DeviceTensor::random(context, planes, DType::f32);
  const DeviceTensor y(context, pixels, DType::f32);
  const double layout_bytes = 2.0 * static_cast<double>(x.view().bytes());
  session.time({"images to channels last", planes, 0, layout_bytes, 0, "", ""},
               [&] { to_channels_last(context, x.view(), y.view()); });
  session.time({"images to channels first", pixels, 0, layout_bytes, 0, "", ""},
               [&] { to_channels_first(context, y.view(), x.view()); });
}

}  // namespace

Operation convert_operation() {
  return {"convert",
          {"kernels/elementwise/convert.h"},
          "float32 to bfloat16 and back, channels first to channels last and back",
          check,
          time};
}

}  // namespace dcgan::benchmarks

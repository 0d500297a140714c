// Conversions of type and of layout, at the door.
#include "kernels/elementwise/convert.h"

#include "benchmarks/operations/operations.h"
#include "models/networks/blocks.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  const Context& context = session.context();
  constexpr std::int64_t kCount = 10'007;
  const Values wide = reference::random_values({kCount}, 1);
  const DeviceTensor x(context, wide, DType::f32), narrow(context, {kCount}, DType::bf16);
  const DeviceTensor back(context, {kCount}, DType::f32);
  convert_type(context, x.view(), narrow.view());
  convert_type(context, narrow.view(), back.view());
  session.compare_exactly("f32 to bf16", narrow.read(context),
                          reference::stored_as(DType::bf16, wide));
  session.compare_exactly("bf16 to f32", back.read(context),
                          reference::stored_as(DType::bf16, wide));

  const Shape first{3, 5, 7, 6}, last{3, 7, 6, 5};
  const Values planes = reference::random_values(first, 2);
  Values pixels(last);
  for (std::int64_t n = 0; n < 3; ++n)
    for (std::int64_t c = 0; c < 5; ++c)
      for (std::int64_t h = 0; h < 7; ++h)
        for (std::int64_t w = 0; w < 6; ++w) pixels.at(n, h, w, c) = planes.at(n, c, h, w);
  const DeviceTensor planes_on(context, planes, DType::f32), pixels_on(context, last, DType::f32);
  const DeviceTensor again(context, first, DType::f32);
  to_channels_last(context, planes_on.view(), pixels_on.view());
  to_channels_first(context, pixels_on.view(), again.view());
  session.compare_exactly("to channels last", pixels_on.read(context), pixels);
  session.compare_exactly("to channels first", again.read(context), planes);
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

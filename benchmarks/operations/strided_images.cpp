// Images into a caller's memory: other types, layouts, strides.
#include "kernels/input/strided_images.h"

#include "benchmarks/operations/operations.h"
#include "tests/cases/strided_images.h"

namespace dcgan::benchmarks {
namespace {

void check(Session& session) {
  for (const test::StridedCase& one : test::strided_cases()) {
    for (const ImageType type : test::image_types()) {
      test::check_strided_images(session.context(), one, session.settings().dtype(), type,
                                 session.report(one.name + (" " + std::string(name_of(type)))));
    }
  }
}

void time(Session& session) {
  const Context& context = session.context();
  const Settings& settings = session.settings();
  const std::int64_t size = settings.model.image_size;
  const Shape shape{settings.batch, size, size, settings.model.channels};
  const auto x = DeviceTensor::random(context, shape, settings.dtype());
  const DeviceTensor memory(context, shape, DType::f32);  // the widest type
  for (const ImageType type : {ImageType::f32, ImageType::f16, ImageType::u8}) {
    const auto bytes = static_cast<double>(x.view().bytes()) +
                       static_cast<double>(shape.elements()) * static_cast<double>(size_of(type));
    session.time({"to planes of " + std::string(name_of(type)), shape, 0, bytes, 0, "", ""}, [&] {
      store_images(context, x.view(),
                   {memory.view().data, shape, channels_first_strides(shape), type});
    });
  }
}

}  // namespace

Operation strided_images_operation() {
  return {"strided_images",
          {"kernels/input/strided_images.h"},
          "images into a caller's type, layout and strides",
          check,
          time};
}

}  // namespace dcgan::benchmarks

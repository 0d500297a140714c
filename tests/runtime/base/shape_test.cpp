#include "runtime/base/shape.h"

#include <limits>

#include "runtime/base/tensor.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

TEST_CASE("a shape counts its elements") {
  CHECK(Shape().elements() == 1);
  CHECK(Shape().rank() == 0);
  CHECK(Shape{3, 4, 5}.elements() == 60);
  CHECK(Shape{3, 0, 5}.elements() == 0);
  CHECK(Shape{1, 2, 3, 4, 5}.rank() == 5);
}

TEST_CASE("a shape refuses what it cannot hold, with the figures") {
  DCGAN_CHECK_FAILS((Shape{1, 1, 1, 1, 1, 1}), ErrorKind::internal, "rank 6");
  DCGAN_CHECK_FAILS((Shape{2, -3}), ErrorKind::internal, "extent -3 of axis 1");
}

TEST_CASE("a shape whose element count overflows is refused at the axis where it does") {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  CHECK(Shape{kMost}.elements() == kMost);
  DCGAN_CHECK_FAILS((Shape{kMost, 2}), ErrorKind::internal, "overflows at axis 1 (extent 2)");
  const std::int64_t half = std::int64_t{1} << 32;
  DCGAN_CHECK_FAILS((Shape{half, half, 1}), ErrorKind::internal, "overflows at axis 1");
}

TEST_CASE("with_rows changes the outermost extent alone") {
  CHECK(Shape{2, 3, 4}.with_rows(7) == Shape{7, 3, 4});
  DCGAN_CHECK_FAILS(Shape().with_rows(1), ErrorKind::internal, "scalar");
}

TEST_CASE("shapes compare by rank and extents") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
  CHECK_FALSE(Shape{2} == Shape{2, 0});
}

TEST_CASE("a shape prints its extents") {
  CHECK(to_string(Shape{64, 4, 4, 512}) == "[64, 4, 4, 512]");
  CHECK(to_string(Shape()) == "[]");
}

TEST_CASE("the rows of a view point into the memory of the view") {
  float values[12] = {};
  const TensorView view(values, Shape{4, 3});
  const TensorView rows = view.rows(1, 2);
  CHECK(rows.as<float>() == values + 3);
  CHECK(rows.shape == Shape{2, 3});
  CHECK(view.rows(4, 0).elements() == 0);
  DCGAN_CHECK_FAILS(view.rows(3, 2), ErrorKind::internal, "rows 3..5 of [4, 3]");
  DCGAN_CHECK_FAILS(view.rows(-1, 2), ErrorKind::internal, "rows -1..1");
}

TEST_CASE("a view is read only as the type that it holds") {
  float values[2] = {};
  const ConstTensorView view(values, Shape{2});
  CHECK(view.as<float>() == values);
  DCGAN_CHECK_FAILS(view.as<double>(), ErrorKind::internal, "holds f32, read as f64");
}

TEST_CASE("a view reshapes to the same number of elements only") {
  std::int32_t values[6] = {};
  const TensorView view(values, Shape{2, 3});
  CHECK(view.reshaped(Shape{6}).as<std::int32_t>() == values);
  DCGAN_CHECK_FAILS(view.reshaped(Shape{5}), ErrorKind::internal, "[2, 3] does not reshape to [5]");
}

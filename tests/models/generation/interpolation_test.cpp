#include "models/generation/interpolation.h"

#include <cmath>

#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("a spherical interpolation passes through its points and keeps their length") {
  const HostTensor points = HostTensor::from<float>({3, 0, 0, 0, 3, 0, 0, 0, 3}, {3, 3});
  const HostTensor path = spherical_interpolation(points, 4);
  REQUIRE(path.shape() == Shape{12, 3});
  const float* vector = path.view().as<float>();
  for (int i = 0; i < 12; ++i, vector += 3) {
    const double length =
        std::sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]);
    CHECK(length == Approx(3.0).epsilon(1e-6));  // a few roundings of float
  }
  const float* middle = path.view().as<float>() + 2 * 3;  // half-way from x to y
  CHECK(middle[0] == Approx(middle[1]));
  CHECK(path.view().as<float>()[4 * 3 + 1] == Approx(3.0));
}

TEST_CASE("after the last point an interpolation goes back to the first") {
  const HostTensor points = HostTensor::from<float>({1, 0, 0, 1}, {2, 2});
  const HostTensor path = spherical_interpolation(points, 2);
  REQUIRE(path.shape() == Shape{4, 2});
  const float* forth = path.view().as<float>() + 2;
  const float* back = path.view().as<float>() + 6;
  CHECK(back[0] == Approx(forth[0]));
  CHECK(back[1] == Approx(forth[1]));
}

TEST_CASE("between equal vectors an interpolation stays where it is") {
  const HostTensor points = HostTensor::from<float>({2, 1, 2, 1}, {2, 2});
  const HostTensor path = spherical_interpolation(points, 3);
  for (std::int64_t row = 0; row < 6; ++row) {
    CHECK(path.view().rows(row, 1).as<float>()[0] == Approx(2.0));
    CHECK(path.view().rows(row, 1).as<float>()[1] == Approx(1.0));
  }
}

TEST_CASE("one point, or no frame, is a broken contract") {
  const HostTensor points = HostTensor::from<float>({2, 1, 2, 1}, {2, 2});
  CHECK_THROWS_AS(spherical_interpolation(HostTensor({1, 2}, DType::f32), 3), Error);
  CHECK_THROWS_AS(spherical_interpolation(points, 0), Error);
}

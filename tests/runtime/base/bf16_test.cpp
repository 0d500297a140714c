#include "runtime/base/bf16.h"

#include <cmath>
#include <limits>

#include "tests/support/catch.h"

using dcgan::bf16;

namespace {

float float_from(std::uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

float value_of(std::uint16_t bits) { return float_from(std::uint32_t{bits} << 16); }

}  // namespace

TEST_CASE("every bfloat16 that is not NaN is unchanged by a conversion to float and back") {
  int different = 0;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = value_of(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) continue;
    different += bf16(value).bits != bits;
  }
  CHECK(different == 0);
}

TEST_CASE("a float rounds to the nearest bfloat16, and ties go to the even one") {
  // Between each pair of finite neighbours: just below the middle, the middle, just above.
  int wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x7f7f; ++bits) {
    const std::uint32_t middle = bits << 16 | 0x8000u;
    const std::uint32_t even = bits + (bits & 1u);
    wrong += bf16(float_from(middle - 1)).bits != bits;
    wrong += bf16(float_from(middle)).bits != even;
    wrong += bf16(float_from(middle + 1)).bits != bits + 1;
    wrong += bf16(-float_from(middle)).bits != (even | 0x8000u);
  }
  CHECK(wrong == 0);
}

TEST_CASE("a float above the largest bfloat16 becomes infinity from half a step on") {
  CHECK(bf16(float_from(0x7f7f7fffu)).bits == 0x7f7f);
  CHECK(bf16(float_from(0x7f7f8000u)).bits == 0x7f80);
  CHECK(bf16(std::numeric_limits<float>::max()).bits == 0x7f80);
  CHECK(bf16(-std::numeric_limits<float>::max()).bits == 0xff80);
}

TEST_CASE("infinities and signed zeros keep their bits") {
  CHECK(bf16(std::numeric_limits<float>::infinity()).bits == 0x7f80);
  CHECK(bf16(-std::numeric_limits<float>::infinity()).bits == 0xff80);
  CHECK(bf16(0.0f).bits == 0x0000);
  CHECK(bf16(-0.0f).bits == 0x8000);
}

TEST_CASE("a NaN stays a quiet NaN even when its payload lies in the lower half") {
  // Plain rounding of 0x7f800001 would give infinity, and of 0x7fffffff a negative zero.
  for (const std::uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
    const bf16 value(float_from(bits));
    CAPTURE(bits);
    CHECK(std::isnan(static_cast<float>(value)));
    CHECK((value.bits & 0x40u) != 0);
    CHECK((value.bits >> 15) == (bits >> 31));
  }
}

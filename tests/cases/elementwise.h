// Elementwise operations: cases and their comparison with float64.
#pragma once

#include <vector>

#include "kernels/elementwise/activation.h"
#include "tests/cases/guarded_tensor.h"

namespace dcgan::test {

/// Numbers of elements: less than a vector, no multiple of one, several thread blocks.
std::vector<std::int64_t> elementwise_counts();

struct ActivationCase {
  const char* name;
  ActivationSpec activation;
};
std::vector<ActivationCase> activation_cases();

/// activate_in_place and activation_backward_in_place.
void check_activation(const Context& context, const ActivationSpec& activation, std::int64_t count,
                      DType dtype, const Report& report);

/// (pixels, C): channels of whole vectors and not, fewer and more than a grid's stride holds.
std::vector<Shape> bias_cases();

/// add_bias_and_activate.
void check_bias(const Context& context, const ActivationSpec& activation, const Shape& shape,
                DType dtype, const Report& report);

/// add_in_place: the exact sum, rounded once.
void check_add(const Context& context, std::int64_t count, const Report& report);

/// (N, C, H, W): one and many channels and pixels, parts of tiles.
std::vector<Shape> layout_cases();

/// to_channels_last and back.
void check_layouts(const Context& context, const Shape& channels_first, const Report& report);

/// convert_type from float32 to bf16 and back.
void check_type_conversion(const Context& context, std::int64_t count, const Report& report);

}  // namespace dcgan::test

// Image batches: cases and their comparison with torchvision's arithmetic.
#pragma once

#include <vector>

#include "kernels/input/image_batch.h"
#include "tests/cases/guarded_tensor.h"

namespace dcgan::test {

struct ImageBatchCase {
  Shape stored;                 ///< (M, H, W, C)
  std::vector<double> indices;  ///< (N)
  std::vector<double> flips;    ///< (N)
};

std::string to_string(const ImageBatchCase& one);

/// Odd and even widths, rows of whole and of partial vectors, images that appear twice.
std::vector<ImageBatchCase> image_batch_cases();

/// Bytes from 0 to 255.
Values random_bytes(Shape shape);

/// gather_images with and without flips, and images_to_uint8 back from float32: every value must be
/// equal. Guard bytes.
void check_image_batch(const Context& context, const ImageBatchCase& one, DType dtype,
                       const Report& report);

/// gather_scheduled_images of several updates of two ranks: more epochs than the order has rows.
void check_image_schedule(const Context& context, const ImageBatchCase& one, DType dtype,
                          const Report& report);

}  // namespace dcgan::test

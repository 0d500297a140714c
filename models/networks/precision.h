// The type in which a network computes.
#pragma once

#include "kernels/conv/conv.h"
#include "runtime/base/dtype.h"
#include "runtime/base/enum_names.h"

namespace dcgan {

enum class Precision {
  fp32,  ///< float32 throughout
  tf32,  ///< float32, with factors of convolutions rounded to TF32 on a GPU's tensor cores
  bf16,  ///< activations and the weights that convolutions read in bfloat16, sums in float32
};

constexpr auto enum_table(Precision) {
  return NameTable<Precision, 3>{
      {{"fp32", Precision::fp32}, {"tf32", Precision::tf32}, {"bf16", Precision::bf16}}};
}

/// Of activations and of the weights that convolutions read. Master weights are always float32.
constexpr DType dtype_of_activations(Precision precision) {
  return precision == Precision::bf16 ? DType::bf16 : DType::f32;
}

constexpr ConvPolicy conv_policy(Precision precision, ConvTuning tuning) {
  return {precision == Precision::tf32, tuning};
}

}  // namespace dcgan

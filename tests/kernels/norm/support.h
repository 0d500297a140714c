// Reads and writes views inside the memory of batch norm's statistics and sums.
#pragma once

#include "tests/cases/batch_norm.h"
#include "tests/kernels/support.h"

namespace dcgan::test {

/// An f32 view as Values.
inline Values read(const Context& context, const TensorView& view) {
  std::vector<float> host(static_cast<std::size_t>(view.elements()));
  download(context, view, {host.data(), view.shape});
  return {view.shape, {host.begin(), host.end()}};
}

inline void write(const Context& context, const Values& values, const TensorView& view) {
  std::vector<float> host(values.v.begin(), values.v.end());
  upload(context, {host.data(), view.shape}, view);
}

}  // namespace dcgan::test

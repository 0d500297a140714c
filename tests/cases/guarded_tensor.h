// A tensor on a device with guard bytes on both sides, so that a write outside of it is seen.
#pragma once

#include <initializer_list>
#include <vector>

#include "runtime/device/memory.h"
#include "tests/cases/comparison.h"

namespace dcgan::test {

/// Every byte starts as 0xff: NaN as a float, so that an element that is not written is seen.
class GuardedTensor {
 public:
  GuardedTensor(const Context& context, Shape shape, DType dtype);
  GuardedTensor(const Context& context, const Values& values, DType dtype);

  TensorView view() const { return {buffer_.data() + kGuardBytes, shape_, dtype_}; }

  void write(const Values& values) const;
  Values read() const;
  /// The bytes as stored, to compare exactly.
  std::vector<std::uint8_t> raw() const;

  /// Guard bytes that have changed.
  std::int64_t damaged_guard_bytes() const;
  bool guards_intact() const { return damaged_guard_bytes() == 0; }

 private:
  static constexpr std::size_t kGuardBytes = 256;  // alignment of a memory plan, also of the view
  static constexpr std::uint8_t kPattern = 0xff;

  TensorView whole() const;

  const Context* context_;
  Shape shape_;
  DType dtype_;
  std::size_t bytes_ = 0;
  Buffer buffer_;
};

/// The comparison "guard bytes": that none around these tensors has changed.
Comparison guard_bytes(std::initializer_list<const GuardedTensor*> tensors);

}  // namespace dcgan::test

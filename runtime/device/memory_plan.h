// A memory plan: named slots with a shape, a type and a lifetime, laid out once in one block of
// memory. Slots whose lifetimes do not meet may share bytes. The plan can be printed before
// anything is allocated.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/base/tensor.h"
#include "runtime/device/memory.h"

namespace dcgan {

/// The stages, first to last inclusive, between which a slot's contents must be kept.
struct Lifetime {
  int first = 0;
  int last = 0;
};
inline constexpr Lifetime kWholeRun{0, 1 << 30};

struct Slot {
  std::string name;
  Shape shape;
  DType dtype = DType::f32;
  Lifetime lifetime;
  std::size_t offset = 0;  ///< bytes from the start; valid after assign()

  std::size_t bytes() const { return static_cast<std::size_t>(shape.elements()) * size_of(dtype); }
};

/// A slot's place in the plan that made it.
struct SlotId {
  int index = -1;
  bool valid() const { return index >= 0; }
};

class MemoryPlan {
 public:
  static constexpr std::size_t kAlignment = 256;  // bytes: a GPU's widest access, a CPU's page walk

  SlotId add(std::string name, Shape shape, DType dtype, Lifetime lifetime = kWholeRun);
  /// Gives every slot its offset: largest first, each at the lowest offset where no slot of an
  /// overlapping lifetime lies. Deterministic. Slots may be added and assign() called again only
  /// before an Arena exists.
  void assign();

  std::size_t bytes() const { return bytes_; }  ///< size of the block, after assign()
  std::size_t bytes_unshared() const;           ///< what it would be without sharing
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  std::vector<Slot> slots_;
  std::size_t bytes_ = 0;
};

/// One allocation on one device, cut as a plan says.
class Arena {
 public:
  Arena() = default;
  /// Allocates plan.bytes(). The plan must have been assigned; the arena keeps a copy of its slots.
  Arena(const Context& context, const MemoryPlan& plan);

  TensorView view(SlotId id) const;
  TensorView bytes() const;  ///< the whole block as u8

 private:
  std::vector<Slot> slots_;
  Buffer buffer_;
};

}  // namespace dcgan

// A memory plan: named slots with a shape, a type and a lifetime, laid out once in one block of
// memory. Slots whose lifetimes do not overlap may share bytes. The plan can be printed before
// anything is allocated.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/tensor.h"
#include "runtime/device/alignment.h"
#include "runtime/device/memory.h"

namespace dcgan {

/// The stream that a stage's work is enqueued on. Work of `side` starts after everything enqueued
/// on `main` before it, and runs beside what follows on `main` until the next join.
enum class Branch { main, side };

/// A stage's place in its list. Not valid: no stage.
struct StageId {
  int index = -1;
  bool valid() const { return index >= 0; }
  friend bool operator==(StageId, StageId) = default;
};

/// The stages of some work, in the order in which they are enqueued.
class StageList {
 public:
  StageId add(std::string name, Branch branch = Branch::main);
  /// From here on `main` waits for everything that `side` has been given.
  void join();

  int count() const { return static_cast<int>(stages_.size()); }
  const std::string& name(StageId id) const { return at(id).name; }
  Branch branch(StageId id) const { return at(id).branch; }
  /// The last stage during which the work of `id` may still run: itself on main, the one before the
  /// next join on side. Throws when work on side is never joined.
  StageId finished_by(StageId id) const;

 private:
  struct Stage {
    std::string name;
    Branch branch;
  };
  const Stage& at(StageId id) const;

  std::vector<Stage> stages_;
  std::vector<int> joins_;  // stages added before each
};

/// The stages, first to last inclusive, between which a slot's contents must be kept: from the
/// stage that writes it to the last one that reads it.
struct Lifetime {
  StageId first;
  StageId last;
};
inline constexpr Lifetime kWholeRun{};

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

enum class Placement {
  compact,   ///< largest first, each at the lowest offset free of overlapping lifetimes
  in_order,  ///< one behind the other, as they were added
};

class MemoryPlan {
 public:
  static constexpr std::size_t kAlignment = kMemoryAlignment;  // bytes

  /// Slots whose contents are needed for a time only name stages of this list.
  StageList& stages() { return stages_; }
  const StageList& stages() const { return stages_; }

  SlotId add(std::string name, Shape shape, DType dtype, Lifetime lifetime = kWholeRun);
  /// Gives every slot its offset. Deterministic. Slots may be added and assign() called again only
  /// before an Arena exists.
  void assign(Placement placement = Placement::compact);

  std::size_t bytes() const { return bytes_; }  ///< size of the block, after assign()
  std::size_t bytes_unshared() const;           ///< what it would be without sharing
  const std::vector<Slot>& slots() const { return slots_; }

 private:
  bool overlap(const Slot& a, const Slot& b) const;

  StageList stages_;
  std::vector<Slot> slots_;
  std::size_t bytes_ = 0;
};

/// One allocation on one device, cut as a plan says.
class Arena {
 public:
  Arena() = default;
  /// Allocates plan.bytes() from `resource`; null: from the context's device memory. The plan must
  /// have been assigned; the arena keeps a copy of its slots.
  Arena(const Context& context, const MemoryPlan& plan,
        std::shared_ptr<MemoryResource> resource = nullptr);

  TensorView view(SlotId id) const;
  TensorView bytes() const;  ///< the whole block as u8

 private:
  std::vector<Slot> slots_;
  Buffer buffer_;
};

}  // namespace dcgan

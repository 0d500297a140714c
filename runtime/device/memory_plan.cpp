#include "runtime/device/memory_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + MemoryPlan::kAlignment - 1) / MemoryPlan::kAlignment * MemoryPlan::kAlignment;
}

// The lowest offset at which `slot` fits between the placed slots of overlapping lifetimes.
std::size_t lowest_offset(const Slot& slot, std::vector<const Slot*> neighbours) {
  std::sort(neighbours.begin(), neighbours.end(),
            [](const Slot* a, const Slot* b) { return a->offset < b->offset; });
  std::size_t offset = 0;
  for (const Slot* neighbour : neighbours) {
    if (offset + aligned(slot.bytes()) <= neighbour->offset) break;
    offset = std::max(offset, neighbour->offset + aligned(neighbour->bytes()));
  }
  return offset;
}

}  // namespace

StageId StageList::add(std::string name, Branch branch) {
  stages_.push_back({std::move(name), branch});
  return {count() - 1};
}

void StageList::join() { joins_.push_back(count()); }

const StageList::Stage& StageList::at(StageId id) const {
  DCGAN_CHECK(id.valid() && id.index < count(), "stages: no stage {} (of {})", id.index, count());
  return stages_[static_cast<std::size_t>(id.index)];
}

StageId StageList::finished_by(StageId id) const {
  if (at(id).branch == Branch::main) return id;
  const auto join = std::upper_bound(joins_.begin(), joins_.end(), id.index);
  DCGAN_CHECK(join != joins_.end(), "stages: {} runs on the side branch, which is not joined after",
              at(id).name);
  return {*join - 1};
}

SlotId MemoryPlan::add(std::string name, Shape shape, DType dtype, Lifetime lifetime) {
  DCGAN_CHECK(lifetime.first.valid() == lifetime.last.valid() &&
                  lifetime.first.index <= lifetime.last.index &&
                  lifetime.last.index < stages_.count(),
              "memory plan: {} lives from stage {} to {} of {}", name, lifetime.first.index,
              lifetime.last.index, stages_.count());
  slots_.push_back({std::move(name), shape, dtype, lifetime});
  return {static_cast<int>(slots_.size()) - 1};
}

bool MemoryPlan::overlap(const Slot& a, const Slot& b) const {
  if (!a.lifetime.first.valid() || !b.lifetime.first.valid()) return true;
  return a.lifetime.first.index <= stages_.finished_by(b.lifetime.last).index &&
         b.lifetime.first.index <= stages_.finished_by(a.lifetime.last).index;
}

void MemoryPlan::assign(Placement placement) {
  bytes_ = 0;
  if (placement == Placement::in_order) {
    for (Slot& slot : slots_) {
      slot.offset = bytes_;
      bytes_ += aligned(slot.bytes());
    }
    return;
  }
  std::vector<std::size_t> order(slots_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return slots_[a].bytes() > slots_[b].bytes();
  });
  std::vector<std::size_t> placed;
  for (const std::size_t index : order) {
    Slot& slot = slots_[index];
    std::vector<const Slot*> neighbours;
    for (const std::size_t other : placed) {
      if (overlap(slot, slots_[other])) neighbours.push_back(&slots_[other]);
    }
    slot.offset = lowest_offset(slot, std::move(neighbours));
    bytes_ = std::max(bytes_, slot.offset + aligned(slot.bytes()));
    placed.push_back(index);
  }
}

std::size_t MemoryPlan::bytes_unshared() const {
  std::size_t sum = 0;
  for (const Slot& slot : slots_) sum += aligned(slot.bytes());
  return sum;
}

Arena::Arena(const Context& context, const MemoryPlan& plan,
             std::shared_ptr<MemoryResource> resource)
    : slots_(plan.slots()),
      buffer_(resource ? std::move(resource) : context.memory(MemoryKind::device), plan.bytes()) {}

TensorView Arena::view(SlotId id) const {
  DCGAN_CHECK(id.valid() && static_cast<std::size_t>(id.index) < slots_.size(),
              "arena: no slot {} (of {})", id.index, slots_.size());
  const Slot& slot = slots_[static_cast<std::size_t>(id.index)];
  return {buffer_.data() + slot.offset, slot.shape, slot.dtype};
}

TensorView Arena::bytes() const {
  return {buffer_.data(), {static_cast<std::int64_t>(buffer_.bytes())}, DType::u8};
}

}  // namespace dcgan

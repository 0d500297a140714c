#include "runtime/device/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + MemoryPlan::kAlignment - 1) / MemoryPlan::kAlignment * MemoryPlan::kAlignment;
}

bool overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

// The lowest offset at which `slot` fits between the slots already placed that live with it.
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

SlotId MemoryPlan::add(std::string name, Shape shape, DType dtype, Lifetime lifetime) {
  DCGAN_CHECK(lifetime.first <= lifetime.last, "memory plan: {} dies at {} before it lives at {}",
              name, lifetime.last, lifetime.first);
  slots_.push_back({std::move(name), shape, dtype, lifetime});
  return {static_cast<int>(slots_.size()) - 1};
}

void MemoryPlan::assign() {
  std::vector<std::size_t> order(slots_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return slots_[a].bytes() > slots_[b].bytes();
  });
  bytes_ = 0;
  std::vector<std::size_t> placed;
  for (const std::size_t index : order) {
    Slot& slot = slots_[index];
    std::vector<const Slot*> neighbours;
    for (const std::size_t other : placed) {
      if (overlap(slot.lifetime, slots_[other].lifetime)) neighbours.push_back(&slots_[other]);
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

Arena::Arena(const Context& context, const MemoryPlan& plan)
    : slots_(plan.slots()), buffer_(context, plan.bytes()) {}

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

#include "runtime/device/memory_plan.h"

#include <algorithm>

#include "runtime/base/philox.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

bool whole_run(const Slot& slot) { return !slot.lifetime.first.valid(); }

// By brute force over the stages: whether both slots hold something while one stage may run.
bool live_together(const MemoryPlan& plan, const Slot& a, const Slot& b) {
  if (whole_run(a) || whole_run(b)) return true;
  const auto lives = [&](const Slot& slot, int stage) {
    return slot.lifetime.first.index <= stage &&
           stage <= plan.stages().finished_by(slot.lifetime.last).index;
  };
  for (int stage = 0; stage < plan.stages().count(); ++stage) {
    if (lives(a, stage) && lives(b, stage)) return true;
  }
  return false;
}

bool share_bytes(const Slot& a, const Slot& b) {
  return a.offset < b.offset + b.bytes() && b.offset < a.offset + a.bytes();
}

constexpr int kStages = 16;

MemoryPlan random_plan(std::uint32_t sample) {
  constexpr DType kTypes[] = {DType::f32, DType::bf16, DType::f64, DType::u8};
  RandomSequence random({17, RandomStream::test}, 0, sample);
  MemoryPlan plan;
  for (int i = 0; i < kStages; ++i) {
    plan.stages().add("stage", random.next_below(3) == 0 ? Branch::side : Branch::main);
    if (random.next_below(4) == 0) plan.stages().join();
  }
  plan.stages().join();
  const std::uint32_t slots = 1 + random.next_below(40);
  for (std::uint32_t i = 0; i < slots; ++i) {
    const int first = static_cast<int>(random.next_below(12));
    const int length = static_cast<int>(random.next_below(5));
    const Lifetime lifetime = random.next_below(8) == 0
                                  ? kWholeRun
                                  : Lifetime{{first}, {std::min(first + length, kStages - 1)}};
    // Extents from 0: empty slots are slots too.
    plan.add("s", {random.next_below(9), random.next_below(300)}, kTypes[random.next_below(4)],
             lifetime);
  }
  plan.assign();
  return plan;
}

MemoryPlan plan_with_stages(int count) {
  MemoryPlan plan;
  for (int i = 0; i < count; ++i) plan.stages().add("stage");
  return plan;
}

}  // namespace

TEST_CASE("in random plans no two slots that live together share a byte") {
  for (std::uint32_t sample = 0; sample < 300; ++sample) {
    const MemoryPlan plan = random_plan(sample);
    CAPTURE(sample, plan.slots().size());
    int clashes = 0;
    int misplaced = 0;
    for (std::size_t i = 0; i < plan.slots().size(); ++i) {
      const Slot& slot = plan.slots()[i];
      misplaced += slot.offset % MemoryPlan::kAlignment != 0;
      misplaced += slot.offset + slot.bytes() > plan.bytes();
      for (std::size_t j = 0; j < i; ++j) {
        const Slot& other = plan.slots()[j];
        clashes += live_together(plan, slot, other) && share_bytes(slot, other);
      }
    }
    CHECK(clashes == 0);
    CHECK(misplaced == 0);
    CHECK(plan.bytes() <= plan.bytes_unshared());
  }
}

TEST_CASE("a plan never needs less than the stage with the most live bytes") {
  for (std::uint32_t sample = 0; sample < 100; ++sample) {
    const MemoryPlan plan = random_plan(sample);
    std::size_t peak = 0;
    for (int stage = 0; stage < kStages; ++stage) {
      std::size_t live = 0;
      for (const Slot& slot : plan.slots()) {
        const bool lives = whole_run(slot) || (slot.lifetime.first.index <= stage &&
                                               stage <= slot.lifetime.last.index);
        if (lives) live += slot.bytes();
      }
      peak = std::max(peak, live);
    }
    CAPTURE(sample);
    CHECK(plan.bytes() >= peak);
  }
}

TEST_CASE("slots of a chain, of which two live at a time, share two places") {
  MemoryPlan plan = plan_with_stages(11);
  for (int i = 0; i < 10; ++i) plan.add("layer", {64}, DType::f32, {{i}, {i + 1}});
  plan.assign();
  CHECK(plan.bytes() == 2 * 256);
  CHECK(plan.bytes_unshared() == 10 * 256);
}

TEST_CASE("slots that live for the whole run share with nobody") {
  MemoryPlan plan;
  for (int i = 0; i < 4; ++i) plan.add("weights", {64}, DType::f32);
  plan.assign();
  CHECK(plan.bytes() == 4 * 256);
}

TEST_CASE("lifetimes that meet in one stage do not share") {
  MemoryPlan plan = plan_with_stages(6);
  plan.add("a", {1}, DType::f32, {{0}, {3}});
  plan.add("b", {1}, DType::f32, {{3}, {5}});
  plan.assign();
  CHECK(plan.slots()[0].offset != plan.slots()[1].offset);
}

TEST_CASE("the same plan is laid out the same way twice") {
  const MemoryPlan first = random_plan(7);
  const MemoryPlan second = random_plan(7);
  for (std::size_t i = 0; i < first.slots().size(); ++i) {
    CHECK(first.slots()[i].offset == second.slots()[i].offset);
  }
}

TEST_CASE("a lifetime that ends before it begins, or in no stage, is refused by name") {
  MemoryPlan plan = plan_with_stages(6);
  DCGAN_CHECK_FAILS(plan.add("dx", {1}, DType::f32, {{5}, {2}}), ErrorKind::internal,
                    "dx lives from stage 5 to 2 of 6");
  DCGAN_CHECK_FAILS(plan.add("dx", {1}, DType::f32, {{5}, {6}}), ErrorKind::internal,
                    "dx lives from stage 5 to 6 of 6");
}

TEST_CASE("what the side branch reads is kept until the join") {
  MemoryPlan plan;
  const StageId written = plan.stages().add("forward");
  const StageId read = plan.stages().add("backward weights", Branch::side);
  const StageId beside = plan.stages().add("backward data");
  plan.stages().join();
  const StageId after = plan.stages().add("update");
  plan.add("activation", {64}, DType::f32, {written, read});
  plan.add("gradient", {64}, DType::f32, {beside, beside});
  plan.add("update", {64}, DType::f32, {after, after});
  plan.assign();
  CHECK(plan.stages().finished_by(read) == beside);
  CHECK(plan.slots()[0].offset != plan.slots()[1].offset);
  CHECK(plan.slots()[0].offset == plan.slots()[2].offset);
  // The same on one branch: the gradient takes the activation's place.
  MemoryPlan alone = plan_with_stages(4);
  alone.add("activation", {64}, DType::f32, {written, read});
  alone.add("gradient", {64}, DType::f32, {beside, beside});
  alone.assign();
  CHECK(alone.slots()[0].offset == alone.slots()[1].offset);
}

TEST_CASE("a side branch that is never joined is refused by name") {
  MemoryPlan plan;
  const StageId side = plan.stages().add("weights of main.3", Branch::side);
  plan.add("a", {1}, DType::f32, {side, side});
  plan.add("b", {1}, DType::f32, {side, side});
  DCGAN_CHECK_FAILS(plan.assign(), ErrorKind::internal, "weights of main.3");
}

TEST_CASE("placed in order, slots lie one behind the other as they were added") {
  MemoryPlan plan;
  plan.add("small", {1}, DType::f32);
  plan.add("large", {1000}, DType::f32);
  plan.add("third", {65}, DType::f32);
  plan.assign(Placement::in_order);
  CHECK(plan.slots()[0].offset == 0);
  CHECK(plan.slots()[1].offset == 256);
  CHECK(plan.slots()[2].offset == 256 + 4096);
  CHECK(plan.bytes() == 256 + 4096 + 512);
}

TEST_CASE("an arena's views lie where the plan says and hold what was written") {
  const Context context{Device{}};
  MemoryPlan plan;
  const SlotId a = plan.add("a", {3, 5}, DType::f32);
  const SlotId b = plan.add("b", {7}, DType::u8);
  plan.assign();
  const Arena arena(context, plan);
  const TensorView view_a = arena.view(a);
  const TensorView view_b = arena.view(b);
  CHECK(view_a.shape == Shape{3, 5});
  CHECK(view_a.dtype == DType::f32);
  CHECK(arena.bytes().elements() == static_cast<std::int64_t>(plan.bytes()));
  const auto* start = arena.bytes().as<std::uint8_t>();
  CHECK(static_cast<std::uint8_t*>(view_a.data) - start ==
        static_cast<std::ptrdiff_t>(plan.slots()[0].offset));
  std::fill_n(view_a.as<float>(), 15, 2.5f);
  std::fill_n(view_b.as<std::uint8_t>(), 7, std::uint8_t{9});
  CHECK(view_a.as<float>()[14] == 2.5f);
  CHECK(view_b.as<std::uint8_t>()[6] == 9);
}

TEST_CASE("an arena refuses a slot that is not its own") {
  const Context context{Device{}};
  MemoryPlan plan;
  plan.add("a", {1}, DType::f32);
  plan.assign();
  const Arena arena(context, plan);
  DCGAN_CHECK_FAILS(arena.view({}), ErrorKind::internal, "no slot -1 (of 1)");
  DCGAN_CHECK_FAILS(arena.view({5}), ErrorKind::internal, "no slot 5 (of 1)");
}

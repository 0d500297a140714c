// The layout of a step: stages by name, lifetimes, and workspaces by branch.

#include "models/training/step_plan.h"

#include <algorithm>

#include "tests/models/training/support.h"

using namespace dcgan;

namespace {

StepPlan plan_of(const TrainingConfig& config, const StepPlanOptions& options) {
  return StepPlan(Context(Device{}), generator_blocks(config.model),
                  discriminator_blocks(config.model), config, options);
}

const Slot* find(const MemoryPlan& plan, std::string_view name) {
  const auto found = std::find_if(plan.slots().begin(), plan.slots().end(),
                                  [&](const Slot& slot) { return slot.name == name; });
  return found == plan.slots().end() ? nullptr : &*found;
}

int index_of(const StepPlan& plan, const std::string& name) {
  for (int i = 0; i < plan.stages.count(); ++i) {
    if (plan.stages.name({i}) == name) return i;
  }
  FAIL("no stage " << name);
  return -1;
}

bool share_bytes(const Slot& a, const Slot& b) {
  return a.offset < b.offset + b.bytes() && b.offset < a.offset + a.bytes();
}

// Whether the side branch could still read `a` when `b` is written, or the other way round.
bool may_meet(const MemoryPlan& plan, const Slot& a, const Slot& b) {
  const auto whole = [](const Slot& slot) { return !slot.lifetime.first.valid(); };
  if (whole(a) || whole(b)) return true;
  const StageList& stages = plan.stages();
  return a.lifetime.first.index <= stages.finished_by(b.lifetime.last).index &&
         b.lifetime.first.index <= stages.finished_by(a.lifetime.last).index;
}

}  // namespace

TEST_CASE("a step's stages read like the algorithm") {
  const StepPlan plan = plan_of(test::tiny_config(), {});
  const std::vector<std::string> order = {"input",
                                          "G main.0 convolve",
                                          "D(real+fake) main.0 convolve",
                                          "D loss",
                                          "D(real+fake) main.8 backward data",
                                          "D(real+fake) main.8 backward weights",
                                          "D(real+fake) main.8 update",
                                          "D(fake) main.0 convolve",
                                          "G loss",
                                          "D(fake) main.0 backward data",
                                          "G main.9 backward norm",
                                          "G main.0 update"};
  for (std::size_t i = 1; i < order.size(); ++i) {
    INFO(order[i - 1] << " before " << order[i]);
    CHECK(index_of(plan, order[i - 1]) < index_of(plan, order[i]));
  }
  CHECK(plan.stages.kind({index_of(plan, "G main.0 update")}) == StageKind::optimizer);
  CHECK(plan.stages.kind({index_of(plan, "G main.3 normalise")}) == StageKind::norm);
}

TEST_CASE("with weight gradients on the side branch no slot is reused before the join") {
  for (const ImageStageUse use : {ImageStageUse::none, ImageStageUse::present}) {
    const StepPlan plan = plan_of(test::tiny_config(), {use, Branch::side});
    CHECK(plan.weights_workspace.valid());
    const std::vector<Slot>& slots = plan.memory.slots();
    int clashes = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        clashes += may_meet(plan.memory, slots[i], slots[j]) && share_bytes(slots[i], slots[j]);
      }
    }
    CHECK(clashes == 0);
    // The input of a weight gradient outlives the data gradients that run beside it.
    const Slot* out = find(plan.memory, "D(real+fake) main.0 out");
    REQUIRE(out != nullptr);
    CHECK(plan.memory.stages().finished_by(out->lifetime.last).index ==
          index_of(plan, "D(real+fake) main.0 update"));
  }
}

TEST_CASE("one branch needs one workspace, and no more memory than two") {
  const StepPlan one = plan_of(test::tiny_config(), {});
  const StepPlan two = plan_of(test::tiny_config(), {ImageStageUse::none, Branch::side});
  CHECK_FALSE(one.weights_workspace.valid());
  CHECK(one.memory.bytes() <= two.memory.bytes());
}

TEST_CASE("an image stage has memory of its own between generator and discriminator") {
  const StepPlan plan = plan_of(test::tiny_config(), {ImageStageUse::present, Branch::main});
  const Slot* images = find(plan.memory, "images real+fake");
  const Slot* staged = find(plan.memory, "staged images");
  REQUIRE(images != nullptr);
  REQUIRE(staged != nullptr);
  CHECK_FALSE(share_bytes(*images, *staged));
  CHECK(find(plan_of(test::tiny_config(), {}).memory, "staged images") == nullptr);
}

#include "runtime/device/side_branch.h"

namespace dcgan {

SideBranch::SideBranch(const Context& main) : main_(main), mark_(main) {
  if (main.is_cuda()) {
    own_.emplace(main.device(),
                 MemoryResources{main.memory(MemoryKind::device), main.memory(MemoryKind::pinned)});
    own_->set_overlaps_launches(main.overlaps_launches());
  }
}

void SideBranch::fork(const Context& from) {
  if (!own_) return;
  mark_.record(from);
  mark_.wait_on(*own_);
}

void SideBranch::join() {
  if (!own_) return;
  mark_.record(*own_);
  mark_.wait_on(main_);
}

}  // namespace dcgan

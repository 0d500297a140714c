// What a rank other than the first does between its steps: nothing, at the same steps.
#pragma once

#include <functional>
#include <utility>

#include "models/run/hooks/hook.h"

namespace dcgan {

/// Needs of a step what a hook of rank 0 needs: reading results and pausing concern all ranks.
class FollowerHook : public Hook {
 public:
  explicit FollowerHook(std::function<Need(std::int64_t step)> need) : need_(std::move(need)) {}

  Need need(std::int64_t step) const override { return need_(step); }

 private:
  std::function<Need(std::int64_t)> need_;
};

}  // namespace dcgan

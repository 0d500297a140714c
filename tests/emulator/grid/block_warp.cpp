// A block's warp operations: which lanes take part, and what each receives.
#include <bit>

#include "runtime/base/errors.h"
#include "tests/emulator/grid/block.h"
#include "tests/emulator/grid/race_check.h"

namespace dcgan::emulator {
namespace {

const char* name_of(WarpOperation operation) {
  switch (operation) {
    case WarpOperation::shuffle:
      return "__shfl_sync";
    case WarpOperation::shuffle_up:
      return "__shfl_up_sync";
    case WarpOperation::shuffle_down:
      return "__shfl_down_sync";
    case WarpOperation::shuffle_xor:
      return "__shfl_xor_sync";
    case WarpOperation::ballot:
      return "__ballot_sync";
    case WarpOperation::mma_bf16:
      return "mma_bf16";
    case WarpOperation::mma_tf32:
      return "mma_tf32";
    case WarpOperation::load_matrix:
      return "load_matrix";
    case WarpOperation::load_matrix_transposed:
      return "load_matrix_transposed";
    case WarpOperation::synchronize:
      break;
  }
  return "__syncwarp";
}

bool names(unsigned mask, int lane) { return (mask >> lane & 1u) != 0; }

/// The source lane that `lane` asks for, before segments are considered.
int wanted_lane(const WarpCall& call, int lane, int segment) {
  switch (call.operation) {
    case WarpOperation::shuffle:
      return segment + (call.argument & (call.width - 1));
    case WarpOperation::shuffle_up:
      return lane - call.argument;
    case WarpOperation::shuffle_down:
      return lane + call.argument;
    case WarpOperation::shuffle_xor:
      return lane ^ call.argument;
    default:
      return lane;
  }
}

}  // namespace

std::uint64_t Block::warp_call(const WarpCall& call) {
  const int lane = static_cast<int>(current_ % kWarpLanes);
  if (!names(call.mask, lane)) {
    report(fmt::format("{} at {}: {} calls with mask {:#010x}, which lacks its own lane {}",
                       name_of(call.operation), to_string(call.site), describe(current_), call.mask,
                       lane));
  }
  if (call.width < 1 || call.width > kWarpLanes || (call.width & (call.width - 1)) != 0) {
    report(fmt::format("{} at {}: width {} is not a power of two up to 32", name_of(call.operation),
                       to_string(call.site), call.width));
  }
  const std::uint32_t self = current_;
  threads_[self].call = call;
  threads_[self].site = call.site;
  threads_[self].state = State::in_warp_call;
  ++lanes_waiting_[self / kWarpLanes];
  const bool orders = call.operation == WarpOperation::synchronize;
  if (orders) order_before(&threads_[self].arrived);
  if (!try_warp_call(self - self % kWarpLanes, call.mask)) wait(State::in_warp_call);
  if (orders) order_after(&threads_[self].released);
  threads_[self].state = State::running;
  return threads_[self].result;
}

// When every lane of the mask has arrived: computes all results, then lets the others continue.
// Results are stored apart from values: a lane may bring its next value before others have read.
bool Block::try_warp_call(std::uint32_t first_lane, unsigned mask) {
  if (lanes_waiting_[first_lane / kWarpLanes] < std::popcount(mask)) return false;
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    if (!names(mask, lane)) continue;
    const std::uint32_t other = first_lane + lane;
    if (other >= threads_.size() || threads_[other].state != State::in_warp_call) return false;
    check_same_call(other);
  }
  if (threads_[current_].call.operation == WarpOperation::synchronize) {
    order_lanes(first_lane, mask);
  }
  matrix_operation(first_lane);
  std::vector<std::uint32_t> released;
  released.reserve(kWarpLanes);
  for (const std::uint32_t thread : order_) {
    const int lane = static_cast<int>(thread % kWarpLanes);
    if (thread - lane != first_lane || !names(mask, lane)) continue;
    threads_[thread].result = warp_result(first_lane, lane);
    if (thread != current_) released.push_back(thread);
  }
  for (const std::uint32_t thread : released) threads_[thread].state = State::ready;
  lanes_waiting_[first_lane / kWarpLanes] -= std::popcount(mask);
  ready_.insert(ready_.end(), released.rbegin(), released.rend());
  return true;
}

void Block::check_same_call(std::uint32_t other) const {
  const WarpCall& mine = threads_[current_].call;
  const WarpCall& call = threads_[other].call;
  if (call.mask == mine.mask && call.operation == mine.operation && call.site == mine.site) return;
  report(
      fmt::format("{} calls {} with mask {:#010x} at {} while {}, which that mask or the "
                  "other names, calls {} with mask {:#010x} at {}",
                  describe(current_), name_of(mine.operation), mine.mask, to_string(mine.site),
                  describe(other), name_of(call.operation), call.mask, to_string(call.site)));
}

// Called by the last lane: orders what all lanes did before the call before what they do after it.
void Block::order_lanes(std::uint32_t first_lane, unsigned mask) {
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    if (names(mask, lane)) order_after(&threads_[first_lane + lane].arrived);
  }
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    if (names(mask, lane)) order_before(&threads_[first_lane + lane].released);
  }
}

std::uint64_t Block::warp_result(std::uint32_t first_lane, int lane) const {
  const WarpCall& call = threads_[first_lane + lane].call;
  if (call.operation == WarpOperation::synchronize || call.operands != nullptr) return 0;
  if (call.operation == WarpOperation::ballot) {
    std::uint64_t bits = 0;
    for (int other = 0; other < kWarpLanes; ++other) {
      if (names(call.mask, other) && threads_[first_lane + other].call.value != 0) {
        bits |= std::uint64_t{1} << other;
      }
    }
    return bits;
  }
  // Lanes form segments of `width`. With a source outside its segment a lane keeps its own value.
  const int segment = lane / call.width * call.width;
  int source = wanted_lane(call, lane, segment);
  const bool from_lower = call.operation == WarpOperation::shuffle_xor && source < segment;
  if ((source < segment && !from_lower) || source >= segment + call.width) source = lane;
  if (!names(call.mask, source)) {
    report(fmt::format("{} at {}: {} reads lane {}, which mask {:#010x} lacks",
                       name_of(call.operation), to_string(call.site), describe(first_lane + lane),
                       source, call.mask));
  }
  return threads_[first_lane + source].call.value;
}

void Block::report_stuck_warp(std::uint32_t caller) const {
  const WarpCall& call = threads_[caller].call;
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    const std::uint32_t other = caller - caller % kWarpLanes + lane;
    if (!names(call.mask, lane)) continue;
    if (other < threads_.size() && threads_[other].state == State::in_warp_call) continue;
    const char* why = other >= threads_.size()               ? "does not exist"
                      : threads_[other].state == State::done ? "has ended"
                                                             : "waits at a barrier";
    report(fmt::format("{} at {}: {} waits for lane {} (mask {:#010x}), which {}",
                       name_of(call.operation), to_string(call.site), describe(caller), lane,
                       call.mask, why));
  }
}

}  // namespace dcgan::emulator

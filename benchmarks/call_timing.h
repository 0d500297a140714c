// The time of one call, however short.
#pragma once

#include "benchmarks/operation.h"

namespace dcgan::benchmarks {

/// One value a repeat. A repeat makes as many calls as fill settings.repeat_ms and divides: on the
/// CPU between two readings of the clock, on a GPU as one CUDA graph between two events, so that
/// neither the clock's grain nor the cost of launches is measured. With settings.cold a repeat is
/// one call behind a write of kFlushBytes; on a GPU it then holds the cost of one launch.
Timing time_calls(const Context& context, const Settings& settings,
                  const std::function<void()>& run);

/// Larger than the last-level cache that one process sees on any machine we know.
inline constexpr std::int64_t kFlushBytes = std::int64_t{256} << 20;

}  // namespace dcgan::benchmarks

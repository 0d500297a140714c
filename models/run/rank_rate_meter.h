// Measures the rates of all ranks (rank_rates.h) with the results of steps.
#pragma once

#include <cstdint>
#include <vector>

#include "models/run/rank_rates.h"
#include "models/training/engine.h"
#include "models/training/results_readback.h"

namespace dcgan {

class RankRateMeter {
 public:
  /// Context and engine must outlive it.
  RankRateMeter(const Context& context, TrainingEngine& engine, int ranks);

  /// With a request of results, and with its reading.
  void request();
  RankRates collect(const ResultsReadback::Reading& reading);

 private:
  const Context& context_;
  TrainingEngine& engine_;
  int ranks_;
  Buffer host_;  // (ranks) i64 ns, pinned
  std::vector<std::int64_t> before_;
};

}  // namespace dcgan

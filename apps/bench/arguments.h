// The options of dcgan bench.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "apps/rank_flags.h"
#include "apps/run_option_flags.h"

namespace dcgan {

struct BenchArguments {
  explicit BenchArguments(CLI::App& app);

  /// As given, the device as --gpus asks.
  RunOptions options() const;

  RunOptionFlags flags;
  RankFlags ranks;
  std::vector<std::int64_t> batches;  ///< empty: --batch-size
  int repeats = 10;
  int warm_up = 3;
  bool json = false;
  std::string out;

  // The step and the generator.
  bool blocks = false;
  bool no_generate = false;
  bool pipeline = false;
  double peak_tflops = 0;
  double peak_gbs = 0;

  bool all_reduce = false;
  std::vector<std::int64_t> sizes;

  // A model of many GPUs. Defaults of links: docs/scaling.md names their sources.
  bool scaling = false;
  std::vector<std::string> step_ms;
  std::int64_t world_batch = 0;
  std::vector<std::int64_t> node_gpus{8, 4, 1};
  double call_us = 8.4;
  double link_us = 1.9;
  double link_gbs = 370;
  double network_us = 13;
  double network_gbs = 46;

 private:
  void add_step(CLI::App& app);
  void add_all_reduce(CLI::App& app);
  void add_scaling(CLI::App& app);
};

}  // namespace dcgan

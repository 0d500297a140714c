#include "apps/bench/arguments.h"

namespace dcgan {

BenchArguments::BenchArguments(CLI::App& app)
    : flags(app, {"Network", "Loss and optimiser", "Run", "Ranks", "dataset", "data", "classes",
                  "flip", "on-corrupt", "workers", "strokes-count"}),
      ranks(app) {
  add_step(app);
  add_all_reduce(app);
  add_scaling(app);
}

RunOptions BenchArguments::options() const {
  RunOptions result = flags.effective();
  ranks.apply_to(result.device);
  return result;
}

void BenchArguments::add_step(CLI::App& app) {
  app.add_option("--batches", batches, "batch sizes to time, separated by commas")
      ->delimiter(',')
      ->type_name("N,N,...")
      ->default_str("--batch-size");
  app.add_option("--repeats", repeats, "timed repeats")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  app.add_option("--warm-up", warm_up, "untimed repeats before them")
      ->type_name("N")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_flag("--blocks", blocks, "also time every block, forward and backward");
  app.add_flag("--pipeline", pipeline,
               "also time decoding, upload and gathering of --dataset's images, and the step with "
               "and without them");
  app.add_flag("--no-generate", no_generate, "time the training step only");
  app.add_option("--peak-tflops", peak_tflops, "peak arithmetic rate in TFLOP/s")
      ->type_name("X")
      ->default_str("measured");
  app.add_option("--peak-gbs", peak_gbs, "peak memory rate in GB/s, bytes read plus written")
      ->type_name("X")
      ->default_str("measured");
  app.add_flag("--json", json, "print JSON");
  app.add_option("--out", out, "also write the JSON to this file, again after every batch size")
      ->type_name("PATH");
}

void BenchArguments::add_all_reduce(CLI::App& app) {
  CLI::Option* mode =
      app.add_flag("--all-reduce", all_reduce,
                   "instead time sums over the ranks, by size, in the type of --grad-dtype");
  app.add_option("--sizes", sizes, "--all-reduce: bytes of a rank, separated by commas")
      ->delimiter(',')
      ->type_name("N,N,...")
      ->default_str("4 to 256 MiB, by powers of 4")
      ->needs(mode);
  for (const char* other :
       {"--batches", "--blocks", "--pipeline", "--no-generate", "--peak-tflops", "--peak-gbs"}) {
    mode->excludes(app.get_option(other));
  }
}

void BenchArguments::add_scaling(CLI::App& app) {
  CLI::Option* mode = app.add_flag(
      "--scaling", scaling,
      "instead predict the step on 1 to 1024 GPUs from its time on one and the links between them");
  const auto add = [&](const char* name, auto& value, const char* meaning) {
    return app.add_option(name, value, std::string("--scaling: ") + meaning)->needs(mode);
  };
  add("--step-ms", step_ms, "milliseconds of a step on one GPU by batch size")
      ->delimiter(',')
      ->type_name("N:X,...")
      ->default_str("measured at --batches");
  add("--world-batch", world_batch, "images of a step that all GPUs divide among them")
      ->type_name("N")
      ->default_str("the largest batch")
      ->check(CLI::Range(1, 1 << 30));
  add("--node-gpus", node_gpus, "GPUs of a node, one table for each")
      ->delimiter(',')
      ->type_name("N,N,...")
      ->default_str("8,4,1")
      ->check(CLI::Range(1, 1024));
  const auto add_figure = [&](const char* name, double& value, const char* meaning, double least) {
    add(name, value, meaning)->type_name("X")->capture_default_str()->check(CLI::Range(least, 1e9));
  };
  constexpr double kLeastGbs = 1e-6;
  add_figure("--link-gbs", link_gbs, "GB/s of a GPU to others of its node (bus bandwidth)",
             kLeastGbs);
  add_figure("--link-us", link_us, "microseconds of a hop inside a node", 0);
  add_figure("--network-gbs", network_gbs, "GB/s of a GPU to other nodes", kLeastGbs);
  add_figure("--network-us", network_us, "microseconds of a hop between nodes", 0);
  add_figure("--call-us", call_us, "microseconds of a collective besides its hops", 0);
  for (const char* other :
       {"--all-reduce", "--blocks", "--pipeline", "--no-generate", "--peak-tflops", "--peak-gbs"}) {
    mode->excludes(app.get_option(other));
  }
  app.get_option("--step-ms")->excludes(app.get_option("--batches"));
}

}  // namespace dcgan

// Whole training steps of several ranks, each with an emulated GPU, over the engine's own NCCL
// calls: the collectives are part of the step's graph.
#include <cmath>
#include <optional>

#include "models/data/loader.h"
#include "models/training/engine.h"
#include "tests/models/emulated_calls.h"
#include "tests/models/support.h"
#include "tests/runtime/comm/emulated/nccl_ranks.h"

using namespace dcgan;

namespace {

RunOptions small_options() {
  RunOptions options = test::tiny_options();
  options.strokes_count = 24;
  options.bucket_mb = 0.002;  // several buckets of these small networks
  return options;
}

/// What a rank leaves behind.
struct Left {
  std::vector<std::byte> weights;  // and moments
  std::vector<std::byte> running;
  Scalars scalars;
  std::map<std::string, std::int64_t> calls;  // of the last step, all ranks
};

std::vector<std::byte> weights_of(const Context& context, const TrainingEngine& engine) {
  std::vector<std::byte> all;
  for (const Network* network : {&engine.generator(), &engine.discriminator()}) {
    for (const ParameterArray array :
         {ParameterArray::values, ParameterArray::first_moment, ParameterArray::second_moment}) {
      const auto bytes = test::bytes_of(context, network->parameters().flat(array));
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
  }
  return all;
}

std::vector<std::byte> running_of(const Context& context, const TrainingEngine& engine) {
  std::vector<std::byte> all;
  const Parameters& parameters = engine.discriminator().parameters();
  for (const RunningInfo& info : parameters.running_infos()) {
    const auto bytes = test::bytes_of(context, parameters.running(info.mean));
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

struct Training {
  RunOptions options = small_options();
  int world = 2;
  int steps = 4;
  StepLaunch launch = StepLaunch::graph;
  std::uint64_t seed = 1;
};

std::vector<Left> train(const Training& training, std::string* failures = nullptr) {
  const RunConfig config = run_config(training.options);
  const Dataset dataset = load_dataset(config.dataset);
  test::reset_ranks(training.world, training.seed);
  std::vector<Left> left(static_cast<std::size_t>(training.world));
  const auto outcomes = test::run_ranks(training.world, {}, [&](const test::Rank& rank) {
    TrainingEngine engine(rank.context, rank.communicator, config.training);
    LoaderOptions loader_options = config.loader;
    loader_options.shard = shard_of(rank.communicator);
    Loader loader(rank.context, dataset, loader_options);
    engine.set_images(loader);
    for (int step = 0; step < training.steps; ++step) engine.train_step(training.launch);
    rank.context.synchronize();
    rank.communicator.check();
    rank.communicator.barrier();  // both graphs are there
    left[static_cast<std::size_t>(rank.index)] = {
        weights_of(rank.context, engine), running_of(rank.context, engine),
        engine.step().read_scalars(rank.context), emulator::graph_nodes()};
    rank.communicator.barrier();
  });
  const std::string text = test::failures(outcomes);
  if (failures != nullptr) {
    *failures = text;
  } else {
    CHECK(text.empty());
    INFO(text);
  }
  return left;
}

}  // namespace

TEST_CASE("GPU ranks keep the same weights, by graph as call by call, in any order of the device") {
  for (const int world : {2, 3}) {
    CAPTURE(world);
    Training training;
    training.world = world;
    training.options.sync_batch_norm = true;
    training.options.ema_decay = 0.9;
    const std::vector<Left> expected = train(training);
    for (const Left& rank : expected) {
      CHECK(rank.weights == expected[0].weights);
      CHECK(rank.running == expected[0].running);
      CHECK(rank.scalars[Scalar::errD] == expected[0].scalars[Scalar::errD]);
    }
    training.launch = StepLaunch::eager;
    training.seed = 7;
    CHECK(train(training)[0].weights == expected[0].weights);
  }
}

TEST_CASE("GPU ranks with gradients in bf16 and batch norm by rank keep the same weights") {
  Training training;
  training.options.grad_dtype = GradientType::bf16;
  training.options.d_steps = 2;
  const std::vector<Left> ranks = train(training);
  CHECK(ranks[0].weights == ranks[1].weights);
  CHECK(ranks[0].running != ranks[1].running);
}

TEST_CASE("GPU ranks with common batch norm have the results of one with all images") {
  Training training;
  training.steps = 1;
  training.options.sync_batch_norm = true;
  const std::vector<Left> two = train(training);
  training.world = 1;
  training.options.batch_size *= 2;
  const std::vector<Left> one = train(training);
  for (const ScalarInfo& scalar : kScalars) {
    CAPTURE(scalar.name);
    CHECK(two[0].scalars[scalar.id] == Approx(one[0].scalars[scalar.id]).epsilon(1e-5));
  }
}

TEST_CASE("the graph of a rank's step holds its collectives") {
  Training training;
  // In both ranks' graphs, by text: "all_reduce of 8 float32 (sum)".
  const auto reductions = [&] {
    const std::vector<Left> ranks = train(training);
    std::int64_t count = 0;
    for (const auto& [name, nodes] : ranks[0].calls) {
      if (name.find("all_reduce") != std::string::npos) count += nodes;
    }
    return count / training.world;
  };
  // Three buckets of each network, whose smallest layers travel with a neighbour; and the results.
  CHECK(reductions() == 7);
  // Common batch norm: once forward and once backward, of 2 layers of D in two passes, 3 of G.
  training.options.sync_batch_norm = true;
  CHECK(reductions() == 7 + 2 * (2 * 2 + 3));
}

TEST_CASE("a GPU rank that is lost in a step ends the others with its collectives") {
  Training training;
  training.world = 3;
  training.steps = 6;
  const RunConfig config = run_config(training.options);
  const Dataset dataset = load_dataset(config.dataset);
  test::reset_ranks(3, 1);
  emulator::nccl::lose(1, 30);
  test::RankOptions options;
  options.timeout_seconds = 1.0;
  const auto outcomes = test::run_ranks(3, options, [&](const test::Rank& rank) {
    TrainingEngine engine(rank.context, rank.communicator, config.training);
    LoaderOptions loader_options = config.loader;
    loader_options.shard = shard_of(rank.communicator);
    Loader loader(rank.context, dataset, loader_options);
    engine.set_images(loader);
    for (int step = 0; step < training.steps; ++step) engine.train_step();
    rank.context.synchronize();
    rank.communicator.check();
  });
  for (const std::size_t rank : {0u, 2u}) {
    CAPTURE(outcomes[rank].text);
    CHECK(outcomes[rank].kind == ErrorKind::peer_lost);
    CHECK(outcomes[rank].text.find("all_reduce") != std::string::npos);
  }
}

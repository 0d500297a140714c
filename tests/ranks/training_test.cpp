// Ranks are one bigger machine: N of them with B images each do what one does with N x B.
#include <cmath>
#include <optional>

#include "models/data/loader.h"
#include "models/training/engine.h"
#include "models/training/gradient_buckets.h"
#include "tests/models/support.h"
#include "tests/ranks/ranks.h"

using namespace dcgan;

namespace {

// What is compared of a rank, as floats on the host.
struct RankState {
  std::vector<float> weights, gradients, running;
  std::vector<std::byte> bytes;  // weights, moments and averages
  Scalars scalars;
};

std::vector<float> floats(const Context& context, const TensorView& view) {
  std::vector<float> values(static_cast<std::size_t>(view.elements()));
  download(context, view, TensorView(values.data(), view.shape, DType::f32));
  return values;
}

RankState state_of(const Context& context, TrainingEngine& engine) {
  RankState state;
  const auto append = [&](std::vector<float>& all, const TensorView& view) {
    const std::vector<float> values = floats(context, view);
    all.insert(all.end(), values.begin(), values.end());
  };
  for (const Network* network : {&engine.generator(), &engine.discriminator()}) {
    const Parameters& parameters = network->parameters();
    append(state.weights, parameters.flat(ParameterArray::values));
    append(state.gradients, parameters.flat(ParameterArray::gradients));
    for (const ParameterArray array :
         {ParameterArray::values, ParameterArray::first_moment, ParameterArray::second_moment}) {
      const auto bytes = test::bytes_of(context, parameters.flat(array));
      state.bytes.insert(state.bytes.end(), bytes.begin(), bytes.end());
    }
    for (const RunningInfo& info : parameters.running_infos()) {
      append(state.running, parameters.running(info.mean));
      append(state.running, parameters.running(info.var));
    }
  }
  state.scalars = engine.step().read_scalars(context);
  return state;
}

// One rank's engine and its part of the images.
struct Rank {
  Rank(const Context& context, Communicator& ranks, RunConfig config, const Dataset& dataset)
      : engine(context, ranks, config.training) {
    config.loader.shard = shard_of(ranks);
    loader.emplace(context, dataset, config.loader);
    engine.set_images(*loader);
  }
  TrainingEngine engine;
  std::optional<Loader> loader;
};

struct World {
  int size = 1;
  std::int64_t batch = 4;  // of a rank
  NormStatistics norm = NormStatistics::exchanged;
  DType gradients = DType::f32;
  std::int64_t bucket_bytes = 1 << 10;  // several buckets of these small networks
  Device device = {};
};

// Every rank's state after some steps.
std::vector<RankState> train(const World& world, RunOptions options, int steps) {
  options.batch_size = world.batch;
  RunConfig config = run_config(options);
  config.training.ranks = {world.norm, world.gradients, world.bucket_bytes};
  const Dataset dataset = load_dataset(config.dataset);
  std::vector<RankState> states(static_cast<std::size_t>(world.size));
  test::run_ranks(world.size, [&](Communicator& ranks) {
    const Context context(world.device);
    Rank rank(context, ranks, config, dataset);
    TrainingEngine& engine = rank.engine;
    for (int step = 0; step < steps; ++step) engine.train_step(StepLaunch::eager);
    states[static_cast<std::size_t>(ranks.rank())] = state_of(context, engine);
  });
  return states;
}

// max |a - b| / max |b|.
double distance(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max<double>(difference, std::fabs(a[i] - b[i]));
    scale = std::max<double>(scale, std::fabs(b[i]));
  }
  return difference / scale;
}

RunOptions options_without_steps() {
  RunOptions options = test::tiny_options();
  options.strokes_count = 48;
  // So small that no weight moves: the gradients of both networks are those of the same weights.
  options.lr = 1e-12;
  return options;
}

}  // namespace

TEST_CASE("ranks with common batch norm have the gradients and results of one big batch") {
  for (const Device device : test::devices_under_test()) {
    const std::vector<RankState> one =
        train({.size = 1, .batch = 12, .device = device}, options_without_steps(), 1);
    for (const int size : {2, 3}) {
      CAPTURE(to_string(device), size);
      const std::vector<RankState> ranks =
          train({.size = size, .batch = 12 / size, .device = device}, options_without_steps(), 1);
      for (const RankState& rank : ranks) {
        // Sums over 12 images in another order, through the derivatives of up to three batch norms:
        // measured up to 2.3e-6 of the largest.
        CHECK(distance(rank.gradients, one[0].gradients) < 5e-6);
        CHECK(distance(rank.running, one[0].running) < 1e-6);
        for (const ScalarInfo& scalar : kScalars) {
          CAPTURE(scalar.name);
          CHECK(rank.scalars[scalar.id] == Approx(one[0].scalars[scalar.id]).epsilon(1e-5));
        }
      }
    }
  }
}

TEST_CASE("ranks with common batch norm train as one big batch, for every loss and optimiser") {
  const auto check = [](RunOptions options, double bound) {
    options.strokes_count = 48;
    const std::vector<RankState> one = train({.size = 1, .batch = 8}, options, 3);
    const std::vector<RankState> two = train({.size = 2, .batch = 4}, options, 3);
    CHECK(distance(two[0].weights, one[0].weights) < bound);
    CHECK(two[0].bytes == two[1].bytes);
  };
  // Adam divides by the gradient's own size: a difference in the last bit of one that is almost
  // nothing moves a weight by up to the learning rate. Such steps are kept small here.
  RunOptions options = test::tiny_options();
  options.lr = 1e-5;
  for (const LossKind loss : {LossKind::non_saturating, LossKind::hinge, LossKind::lsgan}) {
    CAPTURE(enum_name(loss));
    options.loss = loss;
    check(options, 1e-4);
  }
  options.loss = LossKind::wgan;
  options.optimizer = OptimizerKind::rmsprop;
  options.weight_clip = 0.01;
  options.d_steps = 2;
  options.ema_decay = 0.9;
  check(options, 1e-3);
}

TEST_CASE("with batch norm by rank the ranks keep the same weights, and differ from one batch") {
  RunOptions options = test::tiny_options();
  options.strokes_count = 48;
  const World world{.size = 3, .batch = 4, .norm = NormStatistics::local};
  const std::vector<RankState> ranks = train(world, options, 3);
  CHECK(ranks[0].bytes == ranks[1].bytes);
  CHECK(ranks[0].bytes == ranks[2].bytes);
  CHECK(ranks[0].running != ranks[1].running);
  const std::vector<RankState> one = train({.size = 1, .batch = 12}, options, 3);
  CHECK(distance(ranks[0].weights, one[0].weights) > 1e-4);
}

TEST_CASE("what the buckets are changes no bit, and gradients that travel in bf16 stay near") {
  const RunOptions options = options_without_steps();
  const World world{.size = 2, .batch = 6};
  World one_bucket = world, rounded = world;
  one_bucket.bucket_bytes = std::int64_t{1} << 30;
  rounded.gradients = DType::bf16;
  const RankState exact = train(world, options, 1)[0];
  CHECK(train(one_bucket, options, 1)[0].bytes == exact.bytes);
  const std::vector<RankState> near = train(rounded, options, 1);
  CHECK(near[0].bytes == near[1].bytes);
  const double error = distance(near[0].gradients, exact.gradients);
  CHECK(error > 1e-5);         // they did travel in bf16,
  CHECK(error < 3.0 / 256.0);  // rounded at each end and once in the sum: 2^-9 each, and room
}

TEST_CASE("a value that is not finite on one rank is seen by every rank at the same step") {
  RunOptions options = test::tiny_options();
  RunConfig config = run_config(options);
  const Dataset dataset = load_dataset(config.dataset);
  std::vector<bool> finite(3, true), losses_finite(3, true);
  test::run_ranks(3, [&](Communicator& ranks) {
    const Context context{Device{}};
    Rank rank(context, ranks, config, dataset);
    TrainingEngine& engine = rank.engine;
    if (ranks.rank() == 1) {  // a broken memory: one weight of this rank's discriminator
      Parameters& parameters = engine.discriminator().parameters();
      const float broken = NAN;
      upload(context, ConstTensorView(&broken, {1}),
             parameters.flat(ParameterArray::values).rows(0, 1));
    }
    engine.train_step();
    const Scalars scalars = engine.step().read_scalars(context);
    const auto own = static_cast<std::size_t>(ranks.rank());
    finite[own] = scalars.gradients_finite();
    losses_finite[own] = std::isfinite(scalars[Scalar::errD]);
  });
  CHECK(finite == std::vector<bool>(3, false));
  CHECK(losses_finite == std::vector<bool>(3, false));
}

TEST_CASE("a wish of one rank reaches all with the next step, and is gone when taken back") {
  RunConfig config = run_config(test::tiny_options());
  const Dataset dataset = load_dataset(config.dataset);
  std::vector<std::vector<WishCounts>> seen(2);
  test::run_ranks(2, [&](Communicator& ranks) {
    const Context context{Device{}};
    Rank rank(context, ranks, config, dataset);
    TrainingEngine& engine = rank.engine;
    for (int step = 0; step < 3; ++step) {
      if (ranks.rank() == 1) engine.step().ask(Wish::stop_for_time, step == 1);
      engine.train_step();
      WishCounts counts{};
      engine.step().enqueue_wishes(context, TensorView(counts.data(), {kWishes}, DType::f32));
      seen[static_cast<std::size_t>(ranks.rank())].push_back(counts);
    }
  });
  const std::vector<WishCounts> expected{{0, 0}, {0, 1}, {0, 0}};
  CHECK(seen[0] == expected);
  CHECK(seen[1] == expected);
}

TEST_CASE("a rank that is slow is the one whose gradients travel the shortest time") {
  RunConfig config = run_config(test::tiny_options());
  const Dataset dataset = load_dataset(config.dataset);
  std::vector<std::vector<std::int64_t>> waits(3, std::vector<std::int64_t>(3));
  test::run_ranks(3, [&](Communicator& ranks) {
    const Context context{Device{}};
    Rank rank(context, ranks, config, dataset);
    TrainingEngine& engine = rank.engine;
    for (int step = 0; step < 3; ++step) {
      if (ranks.rank() == 2) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      engine.train_step();
    }
    std::vector<std::int64_t>& own = waits[static_cast<std::size_t>(ranks.rank())];
    engine.step().enqueue_waits(context, TensorView(own.data(), {3}, DType::i64));
  });
  CHECK(waits[0] == waits[1]);
  CHECK(waits[0] == waits[2]);
  CHECK(waits[0][2] < waits[0][0]);
  CHECK(waits[0][2] < waits[0][1]);
}

TEST_CASE("buckets are whole blocks in the order of a backward pass") {
  std::vector<BlockParameters> blocks(4);
  const std::int64_t counts[] = {10, 200, 30, 4};
  std::int64_t end = 244;
  for (std::size_t i = 0; i < 4; ++i) {  // the first block lies last
    blocks[i].count = counts[i];
    blocks[i].first = end -= counts[i];
  }
  const std::vector<GradientBucket> buckets = gradient_buckets(blocks, 34 * 4);
  REQUIRE(buckets.size() == 3);
  const auto check = [&](std::size_t bucket, std::size_t first, std::size_t last,
                         std::int64_t begin, std::int64_t count) {
    CHECK(buckets[bucket].first == first);
    CHECK(buckets[bucket].last == last);
    CHECK(buckets[bucket].begin == begin);
    CHECK(buckets[bucket].count == count);
  };
  check(0, 2, 3, 0, 34);
  check(1, 1, 1, 34, 200);
  check(2, 0, 0, 234, 10);
  CHECK(gradient_buckets(blocks, 0).size() == 4);
  CHECK(gradient_buckets(blocks, 1 << 20).size() == 1);
}

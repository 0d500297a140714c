#include "models/profiling/scaling_model.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "runtime/base/errors.h"
#include "tests/support/catch.h"

using namespace dcgan;

namespace {

constexpr double kInfinite = 1e30;

// One hop of 2 us and 100 GB/s inside a node, of 10 us and 20 GB/s between nodes.
ClusterLinks links_of(std::int64_t node_gpus, double call_us = 0) {
  return {node_gpus, {2, 100}, {10, 20}, call_us};
}

ClusterLinks infinite_links() { return {8, {0, kInfinite}, {0, kInfinite}, 0}; }

bool is_refused(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind() == ErrorKind::config;
  }
  return false;
}

// 10 MB of D in two halves, ready at half of its pass and at its end; 6 MB of G at the end.
ScalingWork two_networks() {
  ScalingWork work;
  work.discriminator = {0.4, 1, {{5e6, 0.5}, {5e6, 1}}};
  work.generator = {0.2, 1, {{6e6, 1}}};
  return work;
}

}  // namespace

TEST_CASE("an all-reduce of two ranks takes two hops and sends its bytes once") {
  // 2 * 1 * 2 us + 2 * 1/2 * 1 MB / 100 GB/s = 4 us + 10 us.
  CHECK(all_reduce_ms(1e6, 2, links_of(8)) == Approx(0.014));
  CHECK(all_reduce_ms(1e6, 2, links_of(8, 5)) == Approx(0.019));
  CHECK(all_reduce_ms(1e6, 1, links_of(8, 5)) == 0);
}

TEST_CASE("few bytes go through a tree, many around a ring") {
  // Tree: 2 * 3 hops; ring: 2 * 7 hops.
  CHECK(all_reduce_ms(0, 8, links_of(8)) == Approx(0.012));
  // Ring: 14 hops, 28 us, and 1.75 * 100 MB / 100 GB/s; the tree would send 2 * 100 MB.
  CHECK(all_reduce_ms(1e8, 8, links_of(8)) == Approx(0.028 + 1.75));
  // Five ranks need a tree of three levels.
  CHECK(all_reduce_ms(0, 5, links_of(8)) == Approx(0.012));
}

TEST_CASE("between nodes travels each GPU's own part") {
  // Inside, 4 GPUs, ring: 6 hops, 12 us, 1.5 * 80 MB / 100 GB/s = 1200 us; between 2 nodes: 2
  // hops, 20 us, 20 MB / 20 GB/s = 1000 us.
  CHECK(all_reduce_ms(8e7, 8, links_of(4)) == Approx(0.012 + 1.2 + 0.02 + 1.0));
  // One GPU a node: the network alone.
  CHECK(all_reduce_ms(1e6, 2, links_of(1)) == Approx(0.02 + 0.05));
}

TEST_CASE("GPUs fill nodes") {
  CHECK(is_refused([] { all_reduce_ms(1, 12, links_of(8)); }));
  CHECK(is_refused([] { all_reduce_ms(1, 2, {8, {1, 0}, {1, 1}, 0}); }));
  CHECK(gpu_counts(8, 64) == std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 64});
  CHECK(gpu_counts(6, 30) == std::vector<std::int64_t>{1, 2, 4, 6, 12, 24});
  CHECK(gpu_counts(1, 4) == std::vector<std::int64_t>{1, 2, 4});
}

TEST_CASE("a bucket hides behind the rest of the backward pass, the last does not") {
  // Two ranks: 5 MB take 54 us, 6 MB 64 us. A step of 1 ms: D's pass 400 us, its first bucket
  // travels from 200 to 254 us, the second from 400 us on.
  const ScalingPoint point = scaling_point(two_networks(), 1, 2, links_of(8));
  CHECK(point.discriminator_ms == Approx(0.054));
  CHECK(point.generator_ms == Approx(0.064));
  CHECK(point.norm_ms == 0);
  CHECK(point.travel_ms == Approx(2 * 0.054 + 0.064));
  CHECK(point.step_ms() == Approx(1.118));
}

TEST_CASE("a bucket waits for the one before it") {
  // A step of 0.1 ms: D's pass 40 us, buckets from 20 to 74 and from 74 to 128 us.
  const ScalingPoint point = scaling_point(two_networks(), 0.1, 2, links_of(8));
  CHECK(point.discriminator_ms == Approx(0.128 - 0.04));
}

TEST_CASE("without overlap all that travels is waited for") {
  ScalingWork work = two_networks();
  work.result_bytes = 40;
  work.result_share = 0.1;
  work.overlaps = false;
  const ScalingPoint point = scaling_point(work, 1, 4, links_of(8, 3));
  CHECK(point.exposed_ms() == Approx(point.travel_ms));
  work.overlaps = true;
  CHECK(scaling_point(work, 1, 4, links_of(8, 3)).exposed_ms() < point.exposed_ms());
}

TEST_CASE("results travel before G's gradients and delay them when they are late") {
  ScalingWork work = two_networks();
  work.generator.buckets = {{0, 0}};  // nothing to wait for but the link
  work.result_bytes = 40;
  work.result_share = 0.1;
  // 4 us of results hide in 100 us before G's pass of 200 us.
  CHECK(scaling_point(work, 1, 2, links_of(8)).generator_ms == 0);
  // 104 us of a slow call begin 10 us before a pass of 20 us; then the bucket's 104 us.
  CHECK(scaling_point(work, 0.1, 2, links_of(8, 100)).generator_ms ==
        Approx(2 * 0.104 - 0.03).epsilon(1e-4));
}

TEST_CASE("batch norm's reductions are waited for, once for each") {
  ScalingWork work = two_networks();
  work.norms = {{0, 0, 3}, {1e6, 1e6, 2}};
  // Two ranks: 3 calls of 4 us, 2 of 4 us and 3 MB, 30 us.
  CHECK(scaling_point(work, 1, 2, links_of(8)).norm_ms == Approx(3 * 0.004 + 2 * 0.034));
}

TEST_CASE("several updates of D wait as often") {
  ScalingWork work = two_networks();
  work.discriminator.times = 3;
  CHECK(scaling_point(work, 1, 2, links_of(8)).discriminator_ms == Approx(3 * 0.054));
}

TEST_CASE("infinitely fast links scale perfectly") {
  ScalingWork work = two_networks();
  work.norms = {{1e6, 1e3, 4}};
  const BatchTimes proportional({{64, 1}, {128, 2}});
  for (const ScalingPoint& point : weak_scaling(work, proportional, 64, infinite_links(), 64)) {
    CHECK(point.efficiency == Approx(1));
    CHECK(point.images_per_second() == Approx(64e3 * static_cast<double>(point.gpus)));
  }
  for (const ScalingPoint& point : strong_scaling(work, proportional, 128, infinite_links(), 64)) {
    CHECK(point.efficiency == Approx(1));
  }
}

TEST_CASE("slower links, larger latency and more GPUs never make a step shorter") {
  const ScalingWork work = two_networks();
  const auto step = [&](const ClusterLinks& links, std::int64_t gpus) {
    return scaling_point(work, 0.5, gpus, links).step_ms();
  };
  for (const std::int64_t node : {1, 4, 8}) {
    for (const std::int64_t gpus : gpu_counts(node, 1024)) {
      double before = 0;
      for (const double factor : {1.0, 2.0, 5.0, 50.0}) {
        ClusterLinks slow = links_of(node, factor);
        slow.inside.latency_us *= factor;
        slow.between.latency_us *= factor;
        CHECK(step(slow, gpus) >= before);
        before = step(slow, gpus);
      }
      ClusterLinks narrow = links_of(node);
      narrow.inside.gb_per_second /= 3;
      narrow.between.gb_per_second /= 3;
      CHECK(step(narrow, gpus) >= step(links_of(node), gpus));
      CHECK(step(links_of(node), gpus) >=
            step(links_of(node), std::max<std::int64_t>(gpus / 2, 1)));
    }
  }
}

TEST_CASE("step times are interpolated between batches and follow the line beyond") {
  const BatchTimes times({{128, 1.0}, {64, 0.7}, {1024, 6}});
  CHECK(times.ms(64) == 0.7);
  CHECK(times.ms(96) == Approx(0.85));
  CHECK(times.ms(576) == Approx(3.5));
  CHECK(times.ms(32) == Approx(0.55));
  CHECK(times.ms(1920) == Approx(11));
  CHECK((times.covers(64) && times.covers(1024) && !times.covers(63) && !times.covers(1025)));
  // A line through zero or below: in proportion.
  CHECK(BatchTimes({{10, 1}, {20, 3}}).ms(1) == Approx(0.1));
  CHECK(BatchTimes({{10, 3}, {20, 2}}).ms(100) == Approx(2));
}

TEST_CASE("step times that cannot be are refused") {
  for (const std::vector<BatchTime>& times :
       std::vector<std::vector<BatchTime>>{{},
                                           {{0, 1}},
                                           {{1, 0}},
                                           {{1, std::numeric_limits<double>::infinity()}},
                                           {{4, 1}, {4, 2}}}) {
    CHECK(is_refused([&] { BatchTimes refused(times); }));
  }
  CHECK(is_refused([] { BatchTimes({{4, 1}}).ms(2); }));
  CHECK(BatchTimes({{4, 1}}).ms(4) == 1);
}

TEST_CASE("strong scaling divides the batch as long as that leaves whole images") {
  const BatchTimes times({{1, 1}, {12, 3.2}});
  const auto points = strong_scaling(two_networks(), times, 12, links_of(8), 64);
  REQUIRE(points.size() == 3);
  CHECK((points[1].gpus == 2 && points[1].batch == 6 && points[1].compute_ms == Approx(2)));
  CHECK((points[2].gpus == 4 && points[2].batch == 3));
  CHECK(points[0].efficiency == 1);
  CHECK(points[1].efficiency == Approx(3.2 / (2 * points[1].step_ms())));
}

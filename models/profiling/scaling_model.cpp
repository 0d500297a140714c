#include "models/profiling/scaling_model.h"

#include <algorithm>
#include <cmath>

#include "runtime/base/errors.h"

namespace dcgan {
namespace {

double transfer_ms(double bytes, const LinkSpeed& link) {
  return bytes / link.gb_per_second * 1e-6;
}

// Among `ranks` that share one kind of link.
double shorter_way_ms(double bytes, std::int64_t ranks, const LinkSpeed& link) {
  if (ranks <= 1) return 0;
  const auto n = static_cast<double>(ranks);
  const double ring =
      2 * (n - 1) * link.latency_us * 1e-3 + 2 * (n - 1) / n * transfer_ms(bytes, link);
  const double tree =
      2 * std::ceil(std::log2(n)) * link.latency_us * 1e-3 + 2 * transfer_ms(bytes, link);
  return std::min(ring, tree);
}

void require_positive(const LinkSpeed& link, const char* where) {
  if (link.latency_us < 0 || !(link.gb_per_second > 0)) {
    fail(ErrorKind::config, "scaling: links {} of {} us and {} GB/s", where, link.latency_us,
         link.gb_per_second);
  }
}

// Both ends of a pass's transfers: how long the step waits, and how long the link is busy.
struct PassTransfers {
  double exposed_ms = 0;
  double travel_ms = 0;
};

// `link_free_ms`: when the link has done what came before, from the start of the pass.
PassTransfers pass_transfers(const ReducedPass& pass, double pass_ms, double link_free_ms,
                             bool overlaps, std::int64_t gpus, const ClusterLinks& links) {
  PassTransfers result;
  double free_ms = overlaps ? link_free_ms : pass_ms + std::max(0.0, link_free_ms);
  for (const GradientTransfer& bucket : pass.buckets) {
    const double ms = all_reduce_ms(bucket.bytes, gpus, links);
    free_ms = std::max(free_ms, bucket.ready * pass_ms) + ms;
    result.travel_ms += ms;
  }
  result.exposed_ms = std::max(0.0, free_ms - pass_ms);
  return result;
}

}  // namespace

double all_reduce_ms(double bytes, std::int64_t gpus, const ClusterLinks& links) {
  require_positive(links.inside, "inside a node");
  require_positive(links.between, "between nodes");
  if (gpus < 1 || links.node_gpus < 1 || (gpus > links.node_gpus && gpus % links.node_gpus != 0)) {
    fail(ErrorKind::config, "scaling: {} GPUs do not fill nodes of {}", gpus, links.node_gpus);
  }
  if (gpus == 1) return 0;
  const std::int64_t in_node = std::min(gpus, links.node_gpus);
  return links.call_us * 1e-3 + shorter_way_ms(bytes, in_node, links.inside) +
         shorter_way_ms(bytes / static_cast<double>(in_node), gpus / in_node, links.between);
}

double ScalingPoint::images_per_second() const {
  return 1e3 * batch * static_cast<double>(gpus) / step_ms();
}

ScalingPoint scaling_point(const ScalingWork& work, double compute_ms, std::int64_t gpus,
                           const ClusterLinks& links) {
  ScalingPoint point;
  point.gpus = gpus;
  point.compute_ms = compute_ms;
  if (gpus == 1) return point;
  const PassTransfers discriminator =
      pass_transfers(work.discriminator, work.discriminator.share * compute_ms,
                     /*link_free_ms=*/0, work.overlaps, gpus, links);
  const double results_ms =
      work.result_bytes > 0 ? all_reduce_ms(work.result_bytes, gpus, links) : 0;
  const double before_ms = work.overlaps ? work.result_share * compute_ms : 0;
  const PassTransfers generator =
      pass_transfers(work.generator, work.generator.share * compute_ms, results_ms - before_ms,
                     work.overlaps, gpus, links);
  point.discriminator_ms = work.discriminator.times * discriminator.exposed_ms;
  point.generator_ms = work.generator.times * generator.exposed_ms;
  for (const BlockingTransfer& norm : work.norms) {
    const double bytes = norm.bytes + static_cast<double>(gpus) * norm.bytes_per_gpu;
    point.norm_ms += norm.times * all_reduce_ms(bytes, gpus, links);
  }
  point.travel_ms = work.discriminator.times * discriminator.travel_ms +
                    work.generator.times * generator.travel_ms + results_ms + point.norm_ms;
  return point;
}

BatchTimes::BatchTimes(std::vector<BatchTime> times) : times_(std::move(times)) {
  if (times_.empty()) fail(ErrorKind::config, "scaling: no time of a step");
  std::sort(times_.begin(), times_.end(),
            [](const BatchTime& a, const BatchTime& b) { return a.batch < b.batch; });
  for (std::size_t i = 0; i < times_.size(); ++i) {
    const BatchTime& one = times_[i];
    if (!(one.batch > 0) || !(one.ms > 0) || !std::isfinite(one.ms)) {
      fail(ErrorKind::config, "scaling: a step of batch {} in {} ms", one.batch, one.ms);
    }
    if (i > 0 && times_[i - 1].batch == one.batch) {
      fail(ErrorKind::config, "scaling: two times of batch {}: {} and {} ms", one.batch,
           times_[i - 1].ms, one.ms);
    }
  }
}

double BatchTimes::ms(double batch) const {
  if (times_.size() == 1) {
    const BatchTime& only = times_.front();
    if (batch == only.batch) return only.ms;
    fail(
        ErrorKind::config,
        "scaling: a step of batch {} is asked for, and only one of batch {} was timed: two batches "
        "are needed at least",
        batch, only.batch);
  }
  // The pair around the batch, or the nearest to it.
  const auto above = std::find_if(times_.begin() + 1, times_.end() - 1,
                                  [&](const BatchTime& time) { return batch <= time.batch; });
  const BatchTime& low = *(above - 1);
  const BatchTime& high = *above;
  const double slope = (high.ms - low.ms) / (high.batch - low.batch);
  const double on_line = low.ms + slope * (batch - low.batch);
  if (batch < low.batch) return std::max(on_line, low.ms * batch / low.batch);
  return batch > high.batch ? std::max(on_line, high.ms) : on_line;
}

std::vector<std::int64_t> gpu_counts(std::int64_t node_gpus, std::int64_t most) {
  std::vector<std::int64_t> counts;
  for (std::int64_t n = 1; n < node_gpus && n <= most; n *= 2) counts.push_back(n);
  for (std::int64_t n = node_gpus; n <= most; n *= 2) counts.push_back(n);
  return counts;
}

std::vector<ScalingPoint> weak_scaling(const ScalingWork& work, const BatchTimes& times,
                                       double batch, const ClusterLinks& links,
                                       std::int64_t most_gpus) {
  const double alone_ms = times.ms(batch);
  std::vector<ScalingPoint> points;
  for (const std::int64_t gpus : gpu_counts(links.node_gpus, most_gpus)) {
    ScalingPoint point = scaling_point(work, alone_ms, gpus, links);
    point.batch = batch;
    point.efficiency = alone_ms / point.step_ms();
    point.extrapolated = !times.covers(batch);
    points.push_back(point);
  }
  return points;
}

std::vector<ScalingPoint> strong_scaling(const ScalingWork& work, const BatchTimes& times,
                                         std::int64_t world_batch, const ClusterLinks& links,
                                         std::int64_t most_gpus) {
  const double alone_ms = times.ms(static_cast<double>(world_batch));
  std::vector<ScalingPoint> points;
  for (const std::int64_t gpus : gpu_counts(links.node_gpus, most_gpus)) {
    if (world_batch % gpus != 0) continue;
    const auto batch = static_cast<double>(world_batch / gpus);
    ScalingPoint point = scaling_point(work, times.ms(batch), gpus, links);
    point.batch = batch;
    point.efficiency = alone_ms / (static_cast<double>(gpus) * point.step_ms());
    point.extrapolated = !times.covers(batch);
    points.push_back(point);
  }
  return points;
}

}  // namespace dcgan

// How long a step takes on many GPUs: a model. From the time of a step on one GPU, the bytes that
// ranks exchange and the speed of the links between them. Measures nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dcgan {

/// One kind of link, as a GPU sees it.
struct LinkSpeed {
  double latency_us = 0;     ///< of one hop of a ring or a tree
  double gb_per_second = 0;  ///< of a GPU, in one direction: a ring's bus bandwidth
};

/// Nodes of equally many GPUs; each GPU has its own way to the network.
struct ClusterLinks {
  std::int64_t node_gpus = 8;
  LinkSpeed inside;    ///< between GPUs of a node
  LinkSpeed between;   ///< between nodes
  double call_us = 0;  ///< of every collective, however few hops it has
};

/// Time of an all-reduce of `bytes` over `gpus`, which fill nodes; 0 for one GPU. With L GPUs a
/// node and M nodes, h and b the latency and bandwidth inside a node, H and B between nodes:
///
///   rings  2 (L-1) h + 2 (L-1)/L bytes / b      reduce-scatter and all-gather inside a node
///        + 2 (M-1) H + 2 (M-1)/M bytes/L / B    between nodes, of each GPU's own part
///   trees  2 log2(L) h + 2 bytes / b            up and down inside a node
///        + 2 log2(M) H + 2 bytes/L / B          between nodes, of each GPU's own part
///
/// the shorter of the two ways inside a node plus the shorter between nodes, plus call_us (Thakur,
/// Rabenseifner and Gropp 2005; NCCL's choice of algorithm counts in the same way). log2 is rounded
/// up.
double all_reduce_ms(double bytes, std::int64_t gpus, const ClusterLinks& links);

/// Gradients that travel together.
struct GradientTransfer {
  double bytes = 0;
  double ready = 0;  ///< share of the time of the backward pass after which they are complete
};

/// The backward pass of one network's update.
struct ReducedPass {
  double share = 0;                       ///< of the computing time of a step: one such pass
  int times = 1;                          ///< in a step
  std::vector<GradientTransfer> buckets;  ///< in the order in which they become ready
};

/// An all-reduce that the next kernel waits for: bytes + gpus * bytes_per_gpu.
struct BlockingTransfer {
  double bytes = 0;
  double bytes_per_gpu = 0;
  int times = 1;  ///< in a step
};

/// What a step computes and sends, on every GPU alike.
struct ScalingWork {
  ReducedPass discriminator;
  ReducedPass generator;
  double result_bytes = 0;  ///< of the step's results, which travel before G's gradients
  double result_share = 0;  ///< of the computing time: from the results to G's backward pass
  std::vector<BlockingTransfer> norms;  ///< of batch norm over all ranks
  /// Gradients travel beside the rest of their backward pass; false: everything waits for them.
  bool overlaps = true;
};

/// A step on `gpus` GPUs, times in ms.
struct ScalingPoint {
  std::int64_t gpus = 1;
  double batch = 0;             ///< of a GPU
  double compute_ms = 0;        ///< of a step on one GPU of this batch
  double discriminator_ms = 0;  ///< waiting behind D's backward passes
  double generator_ms = 0;      ///< waiting behind G's backward pass, results included
  double norm_ms = 0;           ///< waiting for statistics of batch norm
  double travel_ms = 0;         ///< all collectives one after the other, hidden or not
  double efficiency = 1;        ///< of images per second and GPU, against one GPU
  bool extrapolated = false;    ///< compute_ms is of a batch outside those timed

  double exposed_ms() const { return discriminator_ms + generator_ms + norm_ms; }
  double step_ms() const { return compute_ms + exposed_ms(); }
  double images_per_second() const;
};

/// Step of compute_ms on one GPU. A bucket travels when it is ready and the one before has arrived;
/// what of the last reaches beyond the end of the backward pass is waited for. Computing is not
/// slowed down by transfers beside it.
ScalingPoint scaling_point(const ScalingWork& work, double compute_ms, std::int64_t gpus,
                           const ClusterLinks& links);

struct BatchTime {
  double batch = 0;
  double ms = 0;
};

/// Computing times of a step on one GPU by batch. Between two batches on the line through them.
/// Below the smallest on the line through the smallest two, but never less than in proportion to
/// the batch; above the largest on the line through the largest two, but never less than the
/// largest one's. One batch alone: no other.
class BatchTimes {
 public:
  /// Throws Error(config) unless there is one at least, batches differ and all figures are
  /// positive.
  explicit BatchTimes(std::vector<BatchTime> times);

  const std::vector<BatchTime>& measured() const { return times_; }
  bool covers(double batch) const {
    return times_.front().batch <= batch && batch <= times_.back().batch;
  }
  /// Throws Error(config) for another batch than the only one.
  double ms(double batch) const;

 private:
  std::vector<BatchTime> times_;  // by batch
};

/// Numbers of GPUs of a table: 1, 2, 4, ... below a node, then 1, 2, 4, ... whole nodes; up to
/// `most`.
std::vector<std::int64_t> gpu_counts(std::int64_t node_gpus, std::int64_t most);

/// Every GPU keeps its batch. Efficiency: step time on one GPU / step time.
std::vector<ScalingPoint> weak_scaling(const ScalingWork& work, const BatchTimes& times,
                                       double batch, const ClusterLinks& links,
                                       std::int64_t most_gpus);

/// `world_batch` images a step are divided among the GPUs, as long as each has a whole number of
/// them. Efficiency: step time on one GPU / (number of GPUs * step time).
std::vector<ScalingPoint> strong_scaling(const ScalingWork& work, const BatchTimes& times,
                                         std::int64_t world_batch, const ClusterLinks& links,
                                         std::int64_t most_gpus);

}  // namespace dcgan

// Batch norm backward in one launch, for a batch that is all of one rank's: the two sums of every
// chunk of rows, those of the group from all of them in every block, dx.
#include "kernels/norm/batch_norm_variants.h"
#include "kernels/norm/cuda/backward_terms.h"
#include "kernels/norm/cuda/resident.h"

namespace dcgan::cuda {
namespace {

constexpr int kRowsAtOnce = 4;       // loads in flight of one thread, of x and of dy
constexpr int kRowsAtOnceAgain = 2;  // in the second pass

struct LocalSums {
  float* gradient;  // (groups, chunks, C): sum g
  float* moment;    // (groups, chunks, C): sum g (x - mean)
  float* dweight;   // (C), or null
  float* dbias;
  float inverse_count;  // of a group's values
};

template <class T, int width>
struct KeptPairs {
  KeptRows<T, width> x;
  KeptRows<T, width> dy;
};

/// Calls body(i, element, x, dy), packed, for a thread's rows, whose loads it starts `at_once` at a
/// time; i counts the calls.
template <int at_once, int width, class T, class Body>
__device__ __forceinline__ void for_pairs(const BackwardArguments<T>& arguments,
                                          const ChannelThread& thread, const Body& body) {
  int done = 0;
  for_rows<at_once>(thread, [&](std::int64_t element, int count) {
    Packed<T, width> x[at_once];
    Packed<T, width> dy[at_once];
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      if (i >= count) break;
      x[i] = load_packed<width>(arguments.x + element + i * thread.stride);
      dy[i] = load_packed<width>(arguments.dy + element + i * thread.stride);
    }
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      if (i >= count) break;
      body(done + i, element + i * thread.stride, x[i], dy[i]);
    }
    done += count;
  });
}

/// The kernel's first pass: the sums of the thread's rows.
template <class T, int width, Activation kind>
__device__ __forceinline__ Sums<width> rows_sums(const BackwardArguments<T>& arguments,
                                                 const ChannelRows& division,
                                                 const ChannelThread& thread,
                                                 const KeptPairs<T, width>& kept) {
  using Row = Packed<T, width>;
  Sums<width> sums{};
  if (thread.rows == 0) return sums;
  const ChannelConstants<T, width, kind> constants(arguments, division, thread.channel);
  for_pairs<kRowsAtOnce, width>(
      arguments, thread,
      [&](int i, std::int64_t /*element*/, const Row& packed_x, const Row& packed_dy) {
        kept.x.keep(i, packed_x);
        kept.dy.keep(i, packed_dy);
        const Values<width> x = unpack<T, width>(packed_x);
        const Values<width> dy = unpack<T, width>(packed_dy);
#pragma unroll
        for (int j = 0; j < width; ++j) {
          const float distance = x.v[j] - constants.mean.v[j];
          const float g = constants.before_activation(dy.v[j], distance, j);
          sums.gradient.v[j] += g;
          sums.moment.v[j] += g * distance;
        }
      });
  return sums;
}

/// The sums of a group, valid in the threads of the columns. Every thread calls it.
template <int width>
__device__ __forceinline__ Sums<1> group_sums(const LocalSums& sums, const ChannelRows& division,
                                              int group, int channel, const TileColumn& own,
                                              ResidentSets<Sums, width>& shared) {
  return join_parts<Sums, width>(division, channel, own, shared, [&](int chunk) -> Sums<width> {
    const std::int64_t at = part_element(division, group, chunk, channel);
    return {load_channels<width>(sums.gradient + at), load_channels<width>(sums.moment + at)};
  });
}

/// Of dx = scale * (g - mean_gradient - (x - mean) * slope).
template <int width>
struct BackwardTables {
  TileNumbers<width> mean_gradient;
  TileNumbers<width> slope;
};

/// Its second pass.
template <class T, int width, Activation kind>
__device__ __forceinline__ void write_rows(const BackwardArguments<T>& arguments,
                                           const ChannelRows& division,
                                           const ChannelThread& thread,
                                           const KeptPairs<T, width>& kept,
                                           const BackwardTables<width>& tables) {
  if (thread.rows == 0) return;
  const ChannelConstants<T, width, kind> constants(arguments, division, thread.channel);
  const Values<width> mean_gradient = numbers_of<width>(tables.mean_gradient);
  const Values<width> slope = numbers_of<width>(tables.slope);
  const auto write = [&](std::int64_t element, const Values<width>& x, const Values<width>& dy) {
    Values<width> dx;
#pragma unroll
    for (int j = 0; j < width; ++j) {
      const float distance = x.v[j] - constants.mean.v[j];
      const float g = constants.before_activation(dy.v[j], distance, j);
      dx.v[j] = constants.scale.v[j] * (g - mean_gradient.v[j] - distance * slope.v[j]);
    }
    store<width>(arguments.dx + element, dx);
  };
  using Row = Packed<T, width>;
  for_pairs<kRowsAtOnceAgain, width>(
      arguments, reversed(rows_behind(thread, kept.x.most)),
      [&](int /*i*/, std::int64_t element, const Row& x, const Row& dy) {
        write(element, unpack<T, width>(x), unpack<T, width>(dy));
      });
  kept.x.for_each(thread, [&](int i, std::int64_t element) {
    write(element, kept.x.row(i), kept.dy.row(i));
  });
}

/// The gradients of weight and bias, by a tile's first block. `all`: of group 0.
template <int width>
__device__ __forceinline__ void finish_groups(const LocalSums& sums, const float* invstd,
                                              const ChannelRows& division, int channel,
                                              const TileColumn& own, Sums<1> all,
                                              ResidentSets<Sums, width>& shared) {
  float dweight = 0.0f;
  float dbias = 0.0f;
  for (int group = 0; group < division.groups; ++group) {
    if (group > 0) all = group_sums<width>(sums, division, group, channel, own, shared);
    if (!own.exists) continue;
    dbias += all.gradient.v[0];
    dweight += all.moment.v[0] * invstd[std::int64_t{group} * division.channels + own.channel];
  }
  if (!own.exists) return;
  sums.dweight[own.channel] = dweight;
  sums.dbias[own.channel] = dbias;
}

/// tickets: (tiles).
template <class T, int width, Activation kind>
__global__ void __launch_bounds__(kResidentThreads, 1)
    batch_norm_local_backward_kernel(BackwardArguments<T> arguments, LocalSums sums,
                                     ChannelRows division, int* tickets, int most_kept) {
  start_after_previous();
  using Sets = ResidentSets<Sums, width>;
  DCGAN_SHARED(Sets, shared, [1]);
  DCGAN_SHARED(BackwardTables<width>, tables, [1]);
  const ChannelThread thread = channel_thread<width>(division, Sweep::ascending);
  const TileColumn own(division, width);
  const KeptPairs<T, width> kept{{/*index=*/0, most_kept}, {/*index=*/1, most_kept}};
  join_warps(rows_sums<T, width, kind>(arguments, division, thread, kept), shared[0]);
  if (own.exists) {
    const Sums<1> part = joined<kResidentWarps>(shared[0], 0, own.column);
    const std::int64_t at = part_element(division, blockIdx.z, blockIdx.y, own.channel);
    sums.gradient[at] = part.gradient.v[0];
    sums.moment[at] = part.moment.v[0];
  }
  meet_blocks(tickets + blockIdx.x, gridDim.y * gridDim.z);
  const auto group = static_cast<int>(blockIdx.z);
  const Sums<1> all = group_sums<width>(sums, division, group, thread.channel, own, shared[0]);
  if (own.exists) {
    const float invstd = arguments.invstd[std::int64_t{group} * division.channels + own.channel];
    tables[0].mean_gradient.v[own.column] = all.gradient.v[0] * sums.inverse_count;
    tables[0].slope.v[own.column] = all.moment.v[0] * (sums.inverse_count * invstd * invstd);
  }
  __syncthreads();
  write_rows<T, width, kind>(arguments, division, thread, kept, tables[0]);
  if (sums.dweight == nullptr || !is_first_of_tile()) return;
  finish_groups<width>(sums, arguments.invstd, division, thread.channel, own, all, shared[0]);
}

}  // namespace

void batch_norm_local_backward(const Context& context, const BatchNormBackward& tensors,
                               const BatchNormReduction& reduction,
                               const BatchNormOptions& options) {
  const ConstTensorView& x = tensors.x;
  const std::int64_t count = x.elements() / x.shape[3] / options.groups;
  const bool wanted = !tensors.dweight.empty();
  const LocalSums sums{reduction.parts.gradient.as<float>(), reduction.parts.moment.as<float>(),
                       wanted ? tensors.dweight.as<float>() : nullptr,
                       wanted ? tensors.dbias.as<float>() : nullptr,
                       1.0f / static_cast<float>(count)};
  bool done = false;
  with_backward_arguments(
      tensors, options, tensors.dx, aligned16(sums.gradient, sums.moment),
      [&]<class T, int width, Activation kind>(const BackwardArguments<T>& arguments) {
        const auto kernel = batch_norm_local_backward_kernel<T, width, kind>;
        const ResidentLaunch how = resident_launch(context, kernel, x.shape, options.groups, width,
                                                   /*tensors=*/2, sizeof(Packed<T, width>));
        if (!how.possible) return;
        DCGAN_CHECK(how.division.chunks <= reduction.parts.gradient.shape[1],
                    "batch_norm: {} chunks, {} parts", how.division.chunks,
                    reduction.parts.gradient.shape[1]);
        launch_at_once(context, kernel,
                       {"batch_norm_local_backward_kernel", how.division.blocks(),
                        how.division.threads(), how.shared_bytes},
                       arguments, sums, how.division, reduction.tickets.as<std::int32_t>(),
                       how.kept);
        done = true;
      });
  if (done) return;
  cuda::batch_norm_backward_sums(context, tensors, reduction, options);
  cuda::batch_norm_backward_apply(context, tensors, reduction.totals, count, options);
}

}  // namespace dcgan::cuda

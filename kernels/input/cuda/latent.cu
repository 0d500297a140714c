#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/step_counter.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/input/latent_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;

struct LatentArguments {
  RandomKey key;
  std::int64_t* draw;  // changed only by Counter::advance
  std::int64_t rows;
  std::int64_t width;           // nz
  std::uint32_t blocks_of_row;  // of four numbers
  std::uint32_t first_sample;
  DrawNumber number;
};

template <LatentDistribution distribution>
__device__ __forceinline__ Values<4> numbers_from(const RandomWords& words) {
  if constexpr (distribution == LatentDistribution::normal) {
    const NormalPair first = normal_pair_from(words.word[0], words.word[1]);
    const NormalPair second = normal_pair_from(words.word[2], words.word[3]);
    return {{first.first, first.second, second.first, second.second}};
  } else {
    return {{uniform_from(words.word[0]) * 2.0f - 1.0f, uniform_from(words.word[1]) * 2.0f - 1.0f,
             uniform_from(words.word[2]) * 2.0f - 1.0f, uniform_from(words.word[3]) * 2.0f - 1.0f}};
  }
}

enum class Counter { read, advance };

/// The number of this draw, for the whole block.
template <Counter counter>
__device__ __forceinline__ std::uint64_t draw_of_block(const LatentArguments& arguments) {
  if constexpr (counter == Counter::read) return static_cast<std::uint64_t>(*arguments.draw);
  DCGAN_SHARED(std::int64_t, shared, [1]);
  if (threadIdx.x == 0) shared[0] = read_and_advance(arguments.draw);
  __syncthreads();
  return static_cast<std::uint64_t>(shared[0]);
}

/// One thread draws one block of four numbers. `whole`: nz is a multiple of four and z is aligned.
template <class T, LatentDistribution distribution, bool whole, Counter counter>
__global__ void __launch_bounds__(kThreads) draw_latent_kernel(LatentArguments arguments, T* z) {
  start_after_previous();
  const std::uint64_t draw = draw_of_block<counter>(arguments);
  const std::int64_t item = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (item >= arguments.rows * arguments.blocks_of_row) return;
  const auto row = static_cast<std::uint32_t>(item / arguments.blocks_of_row);
  const auto block = static_cast<std::uint32_t>(item % arguments.blocks_of_row);
  std::uint64_t step = draw;
  std::uint32_t sample = arguments.first_sample + row;
  if (arguments.number == DrawNumber::batch) {
    step = 0;
    sample += static_cast<std::uint32_t>(draw * static_cast<std::uint64_t>(arguments.rows));
  }
  const Values<4> numbers =
      numbers_from<distribution>(random_words(arguments.key, step, sample, block));
  T* to = z + row * arguments.width + 4 * std::int64_t{block};
  if constexpr (whole) {
    store<4>(to, numbers);
  } else {
    const std::int64_t left = arguments.width - 4 * std::int64_t{block};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i < left) store_one(to + i, numbers.v[i]);
    }
  }
}

template <class T, LatentDistribution distribution, Counter counter>
void launch_latent(const Context& context, const LatentArguments& arguments, T* z) {
  const std::int64_t items = arguments.rows * arguments.blocks_of_row;
  const LaunchShape shape{"draw_latent_kernel", blocks_for(items, kThreads, items), dim3(kThreads)};
  if (arguments.width % 4 == 0 && aligned16(z)) {
    launch(context, draw_latent_kernel<T, distribution, true, counter>, shape, arguments, z);
  } else {
    launch(context, draw_latent_kernel<T, distribution, false, counter>, shape, arguments, z);
  }
}

template <Counter counter>
void draw(const Context& context, std::int64_t* number, TensorView z,
          const LatentOptions& options) {
  if (z.elements() == 0) return;
  const LatentArguments arguments{options.key,
                                  number,
                                  z.shape[0],
                                  z.shape[1],
                                  static_cast<std::uint32_t>((z.shape[1] + 3) / 4),
                                  options.first_sample,
                                  options.number};
  with_storage(z.dtype, [&]<class T>() {
    if (options.distribution == LatentDistribution::normal) {
      launch_latent<T, LatentDistribution::normal, counter>(context, arguments, z.as<T>());
    } else {
      launch_latent<T, LatentDistribution::uniform, counter>(context, arguments, z.as<T>());
    }
  });
}

}  // namespace

void draw_latent(const Context& context, ConstTensorView number, TensorView z,
                 const LatentOptions& options) {
  draw<Counter::read>(context, const_cast<std::int64_t*>(number.as<std::int64_t>()), z, options);
}

void draw_next_latent(const Context& context, TensorView number, TensorView z,
                      const LatentOptions& options) {
  draw<Counter::advance>(context, number.as<std::int64_t>(), z, options);
}

}  // namespace dcgan::cuda

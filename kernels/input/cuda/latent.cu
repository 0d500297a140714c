#include "kernels/common/cuda/reduce.h"
#include "kernels/common/cuda/vector.h"
#include "kernels/input/latent_variants.h"

namespace dcgan::cuda {
namespace {

constexpr int kThreads = 256;

struct LatentArguments {
  RandomKey key;
  const std::int64_t* step;
  std::int64_t rows;
  std::int64_t width;           // nz
  std::uint32_t blocks_of_row;  // of four numbers
  std::uint32_t first_sample;
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

/// One thread draws one block of four numbers. `whole`: nz is a multiple of four and z is aligned.
template <class T, LatentDistribution distribution, bool whole>
__global__ void __launch_bounds__(kThreads) draw_latent_kernel(LatentArguments arguments, T* z) {
  const std::int64_t item = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (item >= arguments.rows * arguments.blocks_of_row) return;
  const auto row = static_cast<std::uint32_t>(item / arguments.blocks_of_row);
  const auto block = static_cast<std::uint32_t>(item % arguments.blocks_of_row);
  const Values<4> numbers = numbers_from<distribution>(
      random_words(arguments.key, static_cast<std::uint64_t>(*arguments.step),
                   arguments.first_sample + row, block));
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

template <class T, LatentDistribution distribution>
void launch_latent(const Context& context, const LatentArguments& arguments, T* z) {
  const std::int64_t items = arguments.rows * arguments.blocks_of_row;
  const LaunchShape shape{"draw_latent_kernel", blocks_for(items, kThreads, items), dim3(kThreads)};
  if (arguments.width % 4 == 0 && aligned16(z)) {
    launch(context, draw_latent_kernel<T, distribution, true>, shape, arguments, z);
  } else {
    launch(context, draw_latent_kernel<T, distribution, false>, shape, arguments, z);
  }
}

}  // namespace

void draw_latent(const Context& context, ConstTensorView step, TensorView z,
                 const LatentOptions& options) {
  if (z.elements() == 0) return;
  const LatentArguments arguments{options.key,
                                  step.as<std::int64_t>(),
                                  z.shape[0],
                                  z.shape[1],
                                  static_cast<std::uint32_t>((z.shape[1] + 3) / 4),
                                  options.first_sample};
  with_storage(z.dtype, [&]<class T>() {
    if (options.distribution == LatentDistribution::normal) {
      launch_latent<T, LatentDistribution::normal>(context, arguments, z.as<T>());
    } else {
      launch_latent<T, LatentDistribution::uniform>(context, arguments, z.as<T>());
    }
  });
}

}  // namespace dcgan::cuda

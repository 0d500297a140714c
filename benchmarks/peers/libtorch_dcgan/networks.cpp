#include "benchmarks/peers/libtorch_dcgan/networks.h"

#include <bit>
#include <stdexcept>
#include <string>

namespace peer {
namespace {

namespace nn = torch::nn;

// Kernel, stride and padding of a convolution.
struct Window {
  std::int64_t kernel;
  std::int64_t stride;
  std::int64_t padding;
};
constexpr Window kHalve{4, 2, 1};

nn::Conv2d conv(std::int64_t in, std::int64_t out, Window w) {
  return nn::Conv2d(
      nn::Conv2dOptions(in, out, w.kernel).stride(w.stride).padding(w.padding).bias(false));
}

nn::ConvTranspose2d conv_transpose(std::int64_t in, std::int64_t out, Window w) {
  return nn::ConvTranspose2d(nn::ConvTranspose2dOptions(in, out, w.kernel)
                                 .stride(w.stride)
                                 .padding(w.padding)
                                 .bias(false));
}

nn::LeakyReLU leaky_relu() {
  return nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(0.2).inplace(true));
}

void push_up(nn::Sequential& network, std::int64_t in, std::int64_t out, Window window) {
  network->push_back(conv_transpose(in, out, window));
  network->push_back(nn::BatchNorm2d(out));
  network->push_back(nn::ReLU(nn::ReLUOptions().inplace(true)));
}

void push_down(nn::Sequential& network, std::int64_t in, std::int64_t out, Window window) {
  network->push_back(conv(in, out, window));
  network->push_back(nn::BatchNorm2d(out));
  network->push_back(leaky_relu());
}

// Widths between the 4x4 side and the image: a power of two times the base, 64 px: 8.
std::int64_t widest(std::int64_t image_size) {
  const bool power = image_size > 0 && std::has_single_bit(static_cast<std::uint64_t>(image_size));
  if (!power || image_size < 16 || image_size > 512) {
    throw std::invalid_argument("image size " + std::to_string(image_size) +
                                ": 28 or a power of two from 16 to 512 is needed");
  }
  return image_size / 8;
}

}  // namespace

nn::Sequential make_generator(const NetworkOptions& options) {
  nn::Sequential network;
  const std::int64_t ngf = options.ngf;
  if (options.image_size == 28) {
    push_up(network, options.nz, ngf * 4, {4, 1, 0});  // 4
    push_up(network, ngf * 4, ngf * 2, {3, 2, 1});     // 7
    push_up(network, ngf * 2, ngf, kHalve);            // 14
  } else {
    std::int64_t width = ngf * widest(options.image_size);
    push_up(network, options.nz, width, {4, 1, 0});
    for (; width > ngf; width /= 2) push_up(network, width, width / 2, kHalve);
  }
  network->push_back(conv_transpose(ngf, options.channels, kHalve));
  network->push_back(nn::Tanh());
  return network;
}

nn::Sequential make_discriminator(const NetworkOptions& options) {
  nn::Sequential network;
  const std::int64_t ndf = options.ndf;
  const bool tutorial = options.image_size == 28;
  network->push_back(conv(options.channels, ndf, kHalve));
  network->push_back(leaky_relu());
  std::int64_t width = ndf;
  const std::int64_t last = tutorial ? ndf * 4 : ndf * widest(options.image_size);
  for (; width < last; width *= 2) push_down(network, width, width * 2, kHalve);
  network->push_back(conv(width, 1, tutorial ? Window{3, 1, 0} : Window{4, 1, 0}));
  network->push_back(nn::Flatten(nn::FlattenOptions().start_dim(0)));
  return network;
}

void initialise(nn::Module& network) {
  network.apply([](nn::Module& module) {
    if (auto* down = module.as<nn::Conv2d>()) {
      nn::init::normal_(down->weight, 0.0, 0.02);
    } else if (auto* up = module.as<nn::ConvTranspose2d>()) {
      nn::init::normal_(up->weight, 0.0, 0.02);
    } else if (auto* norm = module.as<nn::BatchNorm2d>()) {
      nn::init::normal_(norm->weight, 1.0, 0.02);
      nn::init::zeros_(norm->bias);
    }
  });
}

}  // namespace peer

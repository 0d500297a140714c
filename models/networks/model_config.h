// Which two networks: a family of layers, the size of the images and the widths.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

enum class NetworkFamily {
  dcgan,     ///< Radford et al. 2016 as in pytorch/examples/dcgan, for any power of two
  libtorch,  ///< the libtorch C++ tutorial's MNIST network, 28 px
};

struct ModelConfig {
  NetworkFamily family = NetworkFamily::dcgan;
  std::int64_t image_size = 64;  ///< H = W, pixels
  std::int64_t channels = 3;     ///< 1 or 3
  std::int64_t nz = 100;         ///< length of the latent vector
  std::int64_t ngf = 64;         ///< channels of the generator's last hidden layer
  std::int64_t ndf = 64;         ///< channels of the discriminator's first layer

  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

struct Preset {
  std::string_view name;
  std::string_view description;
  ModelConfig model;
};

/// All presets, in the order in which help shows them.
const std::vector<Preset>& presets();
/// Their names with `separator` between them: for help and messages.
std::string preset_names(std::string_view separator = ", ");
/// Throws Error(config) listing the names when there is none.
const Preset& preset_named(std::string_view name);

/// A preset and what overrides it; 0: as the preset has it.
struct ModelOptions {
  std::string preset = "pytorch";
  std::int64_t image_size = 0;
  std::int64_t channels = 0;
  std::int64_t nz = 0;
  std::int64_t ngf = 0;
  std::int64_t ndf = 0;
};

/// Throws Error(config) when there is no such preset, and as require_valid().
ModelConfig model_config(const ModelOptions& options);

/// Throws Error(config) with the figures when the family cannot make such images.
void require_valid(const ModelConfig& model);

}  // namespace dcgan

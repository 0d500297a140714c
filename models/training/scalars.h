// The scalars that a step reports: one table of name, meaning and place in device memory. Whoever
// writes them (CSV, JSON lines, trace replay) reads the table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/loss/loss.h"

namespace dcgan {

enum class Scalar { errD_real, errD_fake, errD, errG, D_x, D_G_z1, D_G_z2, accuracy };

/// f32 values that the kernels of a step write: the discriminator's results, then the generator's.
inline constexpr int kScalarSlots = int{kDiscriminatorResults} + kGeneratorResults;

struct ScalarInfo {
  Scalar id;
  std::string_view name;     ///< in files
  std::string_view meaning;  ///< for people
  int slot;                  ///< place among the kScalarSlots values
  int added_slot = -1;       ///< a second one that is added; -1: none
};

/// In the order of files. D(x) is a probability for losses with one, else the logit (kernels/loss).
inline constexpr std::array<ScalarInfo, 8> kScalars = {{
    {Scalar::errD_real, "errD_real", "discriminator's loss on real images", kErrDReal},
    {Scalar::errD_fake, "errD_fake", "discriminator's loss on generated images", kErrDFake},
    {Scalar::errD, "errD", "discriminator's loss", kErrDReal, kErrDFake},
    {Scalar::errG, "errG", "generator's loss", int{kDiscriminatorResults} + kErrG},
    {Scalar::D_x, "D_x", "mean D(x) over real images", kDx},
    {Scalar::D_G_z1, "D_G_z1", "mean D(G(z)) before the discriminator's update", kDGz1},
    {Scalar::D_G_z2, "D_G_z2", "mean D(G(z)) after it", int{kDiscriminatorResults} + kDGz2},
    {Scalar::accuracy, "accuracy", "fraction of images that the discriminator classifies correctly",
     kAccuracy},
}};

/// The scalars of one step.
class Scalars {
 public:
  Scalars() = default;
  /// From the values that the kernels wrote.
  explicit Scalars(const std::array<float, kScalarSlots>& slots, bool finite) : finite_(finite) {
    for (const ScalarInfo& info : kScalars) {
      const float added = info.added_slot < 0 ? 0.0f : slots[place(info.added_slot)];
      values_[place(static_cast<int>(info.id))] = slots[place(info.slot)] + added;
    }
  }

  float operator[](Scalar id) const { return values_[place(static_cast<int>(id))]; }
  /// Whether every gradient since the engine was made was finite.
  bool gradients_finite() const { return finite_; }

 private:
  static constexpr std::size_t place(int index) { return static_cast<std::size_t>(index); }

  std::array<float, kScalars.size()> values_{};
  bool finite_ = true;
};

/// As the device holds them, for an asynchronous copy to the host.
struct RawScalars {
  std::array<float, kScalarSlots> slots{};
  std::int32_t non_finite = 0;

  Scalars decoded() const { return Scalars(slots, non_finite == 0); }
};

}  // namespace dcgan

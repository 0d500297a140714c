// The words that options, files and messages use for enums, each in one table.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "kernels/conv.h"
#include "kernels/latent.h"
#include "kernels/loss.h"
#include "kernels/optimizer.h"
#include "models/data/dataset.h"
#include "runtime/base/errors.h"

namespace dcgan {

enum class DeviceChoice { automatic, cuda, cpu };
enum class Precision { fp32, tf32, bf16 };
/// Where a GPU run keeps its images. Never changes results; on the CPU they stay where they are.
enum class ImageMemory {
  automatic,  ///< on the GPU when they fit beside everything else, else in host memory
  device,     ///< on the GPU
  host,       ///< in host memory; the next step's travel while this one runs
};

template <class Enum, std::size_t n>
using NameTable = std::array<std::pair<std::string_view, Enum>, n>;

/// enum_table(Enum{}) is the table of an enum.
constexpr auto enum_table(LossKind) {
  return NameTable<LossKind, 5>{{{"non-saturating", LossKind::non_saturating},
                                 {"minimax", LossKind::minimax},
                                 {"lsgan", LossKind::lsgan},
                                 {"hinge", LossKind::hinge},
                                 {"wgan", LossKind::wgan}}};
}
constexpr auto enum_table(OptimizerKind) {
  return NameTable<OptimizerKind, 2>{
      {{"adam", OptimizerKind::adam}, {"rmsprop", OptimizerKind::rmsprop}}};
}
constexpr auto enum_table(LatentDistribution) {
  return NameTable<LatentDistribution, 2>{
      {{"normal", LatentDistribution::normal}, {"uniform", LatentDistribution::uniform}}};
}
constexpr auto enum_table(DatasetKind) {
  return NameTable<DatasetKind, 5>{{{"strokes", DatasetKind::strokes},
                                    {"mnist", DatasetKind::mnist},
                                    {"cifar10", DatasetKind::cifar10},
                                    {"cifar100", DatasetKind::cifar100},
                                    {"folder", DatasetKind::folder}}};
}
constexpr auto enum_table(CorruptPolicy) {
  return NameTable<CorruptPolicy, 2>{
      {{"fail", CorruptPolicy::fail}, {"skip", CorruptPolicy::skip}}};
}
constexpr auto enum_table(DeviceChoice) {
  return NameTable<DeviceChoice, 3>{{{"auto", DeviceChoice::automatic},
                                     {"cuda", DeviceChoice::cuda},
                                     {"cpu", DeviceChoice::cpu}}};
}
constexpr auto enum_table(Precision) {
  return NameTable<Precision, 3>{
      {{"fp32", Precision::fp32}, {"tf32", Precision::tf32}, {"bf16", Precision::bf16}}};
}
constexpr auto enum_table(ConvTuning) {
  return NameTable<ConvTuning, 3>{{{"off", ConvTuning::off},
                                   {"heuristic", ConvTuning::heuristic},
                                   {"exhaustive", ConvTuning::exhaustive}}};
}

constexpr auto enum_table(ImageMemory) {
  return NameTable<ImageMemory, 3>{{{"auto", ImageMemory::automatic},
                                    {"device", ImageMemory::device},
                                    {"host", ImageMemory::host}}};
}

template <class Enum>
std::string_view enum_name(Enum value) {
  for (const auto& [name, entry] : enum_table(Enum{})) {
    if (entry == value) return name;
  }
  fail(ErrorKind::internal, "enum: no name for value {}", static_cast<int>(value));
}

/// "fail, skip": for help and messages.
template <class Enum>
std::string enum_choices() {
  std::string choices;
  for (const auto& [name, entry] : enum_table(Enum{})) {
    choices += choices.empty() ? "" : ", ";
    choices += name;
  }
  return choices;
}

/// Throws Error(usage) listing the choices when the word is none of them.
template <class Enum>
Enum enum_from_name(std::string_view word, std::string_view option) {
  for (const auto& [name, entry] : enum_table(Enum{})) {
    if (name == word) return entry;
  }
  fail(ErrorKind::usage, "--{}: '{}' is none of {}", option, word, enum_choices<Enum>());
}

}  // namespace dcgan

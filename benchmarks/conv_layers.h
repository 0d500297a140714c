// Convolutions of some classes of layers: what the files conv, dense and image_conv share.
#pragma once

#include <initializer_list>

#include "benchmarks/layers.h"
#include "benchmarks/operation.h"

namespace dcgan::benchmarks {

/// The cases of tests/cases and every layer of the classes, with little work, against float64.
void check_layers(Session& session, std::initializer_list<ConvClass> classes);

/// Every layer at its shapes in a step, timed one by one; then some elements of each result that
/// was timed against float64.
void time_layers(Session& session, std::initializer_list<ConvClass> classes);

/// On a GPU: the same for each candidate that fits a layer, chosen or not, but the last, which is
/// the library. Not part of the step's sum.
void time_own_kernels(Session& session, std::initializer_list<ConvClass> classes);

}  // namespace dcgan::benchmarks

// Convolutions of some classes of layers: what the files conv, dense and image_conv share.
#pragma once

#include <initializer_list>

#include "benchmarks/layers.h"
#include "benchmarks/operation.h"

namespace dcgan::benchmarks {

/// Forward, data gradient and weight gradient of every layer of the classes, with little work,
/// against tests/reference: every element.
void check_layers(Session& session, std::initializer_list<ConvClass> classes);

/// The same at the step's shapes, timed one by one; then some elements of each result against
/// float64 sums over what was timed.
void time_layers(Session& session, std::initializer_list<ConvClass> classes);

}  // namespace dcgan::benchmarks

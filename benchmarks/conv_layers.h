// Convolutions of one kind of layer: what the files conv, dense and image_conv have in common.
#pragma once

#include "benchmarks/layers.h"
#include "benchmarks/operation.h"

namespace dcgan::benchmarks {

/// Forward, data gradient and weight gradient of every layer of the kind, with little work, against
/// tests/reference: every element.
void check_layers(Session& session, LayerKind kind);

/// The same at the step's shapes, timed one by one; then some elements of each result against
/// float64 sums over what was timed.
void time_layers(Session& session, LayerKind kind);

}  // namespace dcgan::benchmarks

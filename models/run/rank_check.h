// Before the first step: do all ranks train the same thing, on the same data, from the same state?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "models/data/dataset.h"
#include "models/networks/network.h"
#include "models/run/run_options.h"
#include "runtime/comm/communicator.h"

namespace dcgan {

/// What must be the same on every rank, as one JSON object: the options, but for those that say
/// where something is on a machine; the data set's size and contents; the step and the weights.
std::string rank_facts(const RunOptions& options, const Dataset& dataset, std::int64_t step,
                       std::string_view weights);

/// Gathers the facts of all ranks. Throws Error(config) on every rank, naming the first rank and
/// field that differ from rank 0's, with both values.
void require_same_facts(const Context& context, Communicator& ranks, const std::string& facts);

/// Before an error that every rank throws by itself: waits until the others have seen its reason,
/// too, so that they report it and not a lost rank. Ranks that are gone already are not waited for.
void wait_for_all(Communicator& ranks);

/// A hash of both networks' weights and moments, which ranks must have in common. Waits.
std::string weights_hash(const Context& context, const Network& generator,
                         const Network& discriminator);

}  // namespace dcgan

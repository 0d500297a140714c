// How fast each rank would be if it did not wait for the others: the slowest is the straggler.
#pragma once

#include <vector>

namespace dcgan {

/// Images per second of each rank's own work: the time of some steps without that in which its
/// gradients travelled, which includes the wait for the slowest. Empty in a world of one.
using RankRates = std::vector<double>;

/// The rank with the least rate; -1: none known.
int slowest_rank(const RankRates& rates);
/// The rank that the others wait for most of the time: less than half as fast as the median of all;
/// -1: none.
int straggler(const RankRates& rates);

}  // namespace dcgan

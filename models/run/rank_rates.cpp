#include "models/run/rank_rates.h"

#include <algorithm>

namespace dcgan {

int slowest_rank(const RankRates& rates) {
  if (rates.empty()) return -1;
  return static_cast<int>(std::min_element(rates.begin(), rates.end()) - rates.begin());
}

int straggler(const RankRates& rates) {
  const int slowest = slowest_rank(rates);
  if (slowest < 0) return -1;
  RankRates sorted = rates;
  std::sort(sorted.begin(), sorted.end());
  const double median = sorted[sorted.size() / 2];
  return sorted.front() < 0.5 * median ? slowest : -1;
}

}  // namespace dcgan

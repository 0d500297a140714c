// Mean and sum of squared distances of two sets of values together.
#pragma once

namespace dcgan::cpu {

/// Merges the statistics of `added` values into those of `count` (Chan, Golub and LeVeque 1979).
/// One object serves all channels of a row.
class Merge {
 public:
  Merge(double count, double added)
      : fraction_(static_cast<float>(added / (count + added))),
        weight_(static_cast<float>(count * added / (count + added))) {}
  /// shift: mean of the added values - mean.
  void operator()(float& mean, float& m2, float shift, float added_m2) const {
    mean += shift * fraction_;
    m2 += added_m2 + shift * shift * weight_;
  }

 private:
  float fraction_;  // of the added values in the sum
  float weight_;    // count * added / (count + added)
};

}  // namespace dcgan::cpu

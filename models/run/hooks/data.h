// The data set that a run is trained on, in the checkpoint: a resumed run goes on with the same.
#pragma once

#include <string>

#include "models/data/dataset.h"
#include "models/run/hooks/hook.h"

namespace dcgan {

enum class DataChange { refused, allowed };

/// state.json's "data": number, height, width and channels of the images, and contents_hash().
/// On every rank: each refuses by itself.
class DataHook : public Hook {
 public:
  DataHook(const Dataset& dataset, DataChange change);

  void save(StateJson& state) const override;
  /// Throws Error(config) with both data sets when they differ and a change is refused. A
  /// checkpoint without the entry is of an older program: nothing is compared.
  void restore(const StateJson& state) override;

 private:
  Shape shape_;
  std::string contents_;
  DataChange change_;
};

}  // namespace dcgan

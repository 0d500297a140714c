#include "models/training/step_inputs.h"

#include "runtime/base/errors.h"

namespace dcgan {

void ImageSource::load_labels(const Context& /*context*/, const StepUpdate& /*update*/,
                              TensorView /*labels*/) {
  fail(ErrorKind::config, "training: labels by image are wanted of images that have none");
}

}  // namespace dcgan

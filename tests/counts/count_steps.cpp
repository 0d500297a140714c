// Two steps of a small network on the CPU and nothing else: what instructions_test.py counts.
#include "runtime/base/parallel.h"
#include "tests/models/engine_rig.h"

int main() {
  using namespace dcgan;
  set_thread_count(1);
  RunOptions options;
  options.preset = "mnist32";
  options.nz = 16;
  options.ngf = 16;
  options.ndf = 16;
  options.batch_size = 16;
  options.strokes_count = 64;
  options.ema_decay = 0.9;
  const Context context({DeviceType::cpu, 0});
  const Dataset dataset = load_dataset(run_config(options).dataset);
  test::EngineRig rig(context, options, dataset);
  for (int step = 0; step < 2; ++step) rig.engine.train_step();
  return rig.engine.step().read_scalars(context).gradients_finite() ? 0 : 1;
}

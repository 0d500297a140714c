// A run put together from options: order of its outputs, initial weights, divergence.

#include "models/run/run.h"

#include <cmath>

#include "models/checkpoint/checkpoint.h"
#include "models/networks/state_dict.h"
#include "tests/models/run/support.h"

using namespace dcgan;

TEST_CASE("log lines come first, then samples, then the checkpoint; at the end it is the reverse") {
  test::TemporaryFolder folder;
  RunOptions options = test::options_in(folder.path());
  options.steps = 3;
  options.log_every = 2;
  options.sample_every = 2;
  options.checkpoint_every = 2;
  test::TinyRun tiny(options);
  test::Recorder recorder;
  const TrainingOutcome outcome = tiny.run.run(recorder, test::kNeverStop);
  CHECK(outcome.checkpoint.filename() == "step_00000003");
  CHECK(recorder.lines == std::vector<std::string>{"log 1", "step 1", "file step_00000001.png",
                                                   "log 2", "step 2", "file step_00000002.png",
                                                   "file step_00000002", "step 3",
                                                   "file step_00000003", "file samples.png"});
  const StateJson parts = read_state(state_file(outcome.checkpoint)).parts;
  std::vector<std::string> names;
  for (const auto& [name, value] : parts.items()) names.push_back(name);
  CHECK(names ==
        std::vector<std::string>{"trained_seconds", "data", "metrics_bytes", "equilibrium"});
  CHECK(parts["metrics_bytes"] == std::filesystem::file_size(folder / "metrics.jsonl"));
}

TEST_CASE("a number that is not finite ends the run with the step and keeps the checkpoint") {
  test::TemporaryFolder folder;
  RunOptions options = test::options_in(folder.path());
  options.checkpoint_every = 2;
  options.steps = 6;
  test::TinyRun tiny(options);
  struct Poison : TrainingObserver {
    explicit Poison(TrainingEngine& e) : engine(e) {}
    void on_step(const StepReport& report) override {
      if (report.step != 3) return;
      engine.generator().parameters().flat(ParameterArray::values).as<float>()[0] = NAN;
    }
    TrainingEngine& engine;
  } poison(tiny.run.engine());
  const auto error = test::error_of([&] { tiny.run.run(poison, test::kNeverStop); });
  REQUIRE(error.has_value());
  CHECK(error->kind() == ErrorKind::diverged);
  CHECK_THAT(error->what(), Contains("step 4") && Contains("step_00000002"));
  CHECK(find_checkpoint(folder.path(), [](const std::string&) {}).filename() == "step_00000002");
}

TEST_CASE("a run may begin with the weights of files, and the average begins there, too") {
  test::TemporaryFolder folder;
  RunOptions options = test::options_in(folder / "first");
  options.steps = 2;
  const std::filesystem::path saved = test::TinyRun(options).to_the_end().checkpoint;
  options = test::options_in(folder / "second");
  options.seed = 1;
  options.ema_decay = 0.9;
  options.init_generator = (saved / "generator.safetensors").string();
  options.init_discriminator = (saved / "discriminator.safetensors").string();
  test::TinyRun tiny(options);
  const Network& generator = tiny.run.engine().generator();
  const auto tensors = [&](const Network& network, ParameterArray array) {
    std::vector<std::byte> all;
    for (const NamedTensor& named : state_dict(tiny.context, network, {}, array)) {
      const ConstTensorView view = named.tensor.view();
      const auto* data = static_cast<const std::byte*>(view.data);
      all.insert(all.end(), data, data + view.bytes());
    }
    return all;
  };
  Network expected(tiny.context, generator.blocks());
  load_state_dict(tiny.context, SafetensorsFile(saved / "generator.safetensors"), expected);
  const auto values = tensors(expected, ParameterArray::values);
  CHECK(tensors(generator, ParameterArray::values) == values);
  CHECK(tensors(generator, ParameterArray::ema) == values);
  const Network& discriminator = tiny.run.engine().discriminator();
  Network expected_d(tiny.context, discriminator.blocks());
  load_state_dict(tiny.context, SafetensorsFile(saved / "discriminator.safetensors"), expected_d);
  CHECK(tensors(discriminator, ParameterArray::values) ==
        tensors(expected_d, ParameterArray::values));
}

TEST_CASE("a data set smaller than a batch is refused with both counts") {
  test::TemporaryFolder folder;
  RunOptions options = test::options_in(folder / "out");
  options.batch_size = 23;
  CHECK_THROWS_WITH(test::TinyRun(options), Contains("22") && Contains("23"));
  CHECK_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_CASE("weight clipping covers every discriminator parameter, batch norm too") {
  test::TemporaryFolder folder;
  RunOptions options = test::options_in(folder.path());
  options.loss = LossKind::wgan;
  options.weight_clip = 0.01;
  test::TinyRun tiny(options);
  tiny.run.engine().train_step();
  const TensorView values =
      tiny.run.engine().discriminator().parameters().flat(ParameterArray::values);
  const float* value = values.as<float>();
  CHECK(std::all_of(value, value + values.elements(),
                    [](float v) { return v >= -0.01f && v <= 0.01f; }));
}

TEST_CASE("training drives the discriminator's loss down and changes both networks") {
  test::TemporaryFolder folder;
  test::TinyRun tiny(test::options_in(folder.path()));
  TrainingEngine& engine = tiny.run.engine();
  const auto generator = test::state_of(tiny.context, engine.generator());
  engine.train_step();
  const float first = engine.step().read_scalars(tiny.context)[Scalar::errD];
  for (int i = 0; i < 40; ++i) engine.train_step();
  const Scalars scalars = engine.step().read_scalars(tiny.context);
  CHECK(scalars[Scalar::errD] < first);
  CHECK(scalars[Scalar::D_x] > scalars[Scalar::D_G_z1]);
  CHECK(scalars.gradients_finite());
  CHECK(test::state_of(tiny.context, engine.generator()) != generator);
}

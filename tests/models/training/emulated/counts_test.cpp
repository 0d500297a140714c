// What a step asks of a GPU, counted: a change that adds a launch, a wait or an allocation shows
// here with no clock. The figures are exact; one that changes on purpose is changed here with it.
#include <fmt/format.h>

#include <optional>

#include "tests/models/emulated_calls.h"
#include "tests/models/training/emulated/support.h"

using namespace dcgan;

namespace {

using Counts = test::Calls;

std::string text_of(const Counts& counts) {
  std::string text;
  for (const auto& [name, count] : counts) text += fmt::format("{:>5} {}\n", count, name);
  return text;
}

// Everything is enqueued and nothing runs: networks of full size cost no time here.
class PresetStep {
 public:
  PresetStep(const char* preset, const char* precision) {
    set_option(options_, "preset", preset);
    set_option(options_, "precision", precision);
    set_option(options_, "tune", "off");  // choosing would run the convolutions
    options_.batch_size = 2;
    options_.strokes_count = 9;
    const ModelConfig model = run_config(options_).training.model;
    dataset_.name = "noise";
    dataset_.shape = {9, model.image_size, model.image_size, model.channels};
    dataset_.pixels =
        std::vector<std::uint8_t>(static_cast<std::size_t>(dataset_.shape.elements()));
    emulator::reset(1);
    rig_.emplace(context_, options_, dataset_);
    engine().train_step();
  }
  ~PresetStep() { emulator::reset(1); }  // before the engine: its frees would run what is pending
  PresetStep(const PresetStep&) = delete;
  PresetStep& operator=(const PresetStep&) = delete;

  Counts calls_of(StepLaunch launch) {
    const Counts before = emulator::calls();
    engine().train_step(launch);
    return test::more_calls(before);
  }
  TrainingEngine& engine() { return rig_->engine; }

 private:
  RunOptions options_;
  Dataset dataset_;
  Context context_{test::kGpu};
  std::optional<test::EngineRig> rig_;
};

}  // namespace

TEST_CASE("a warm step is one launch of a graph and nothing else") {
  for (const char* precision : {"fp32", "bf16"}) {
    PresetStep step("mnist32", precision);
    step.calls_of(StepLaunch::graph);  // captures
    for (int repeat = 0; repeat < 2; ++repeat) {
      const Counts calls = step.calls_of(StepLaunch::graph);
      INFO(text_of(calls));
      CHECK(calls == Counts{{"cudaGraphLaunch", 1}});
    }
  }
}

TEST_CASE("entering an epoch is one copy of its order, and a wait for the one before") {
  PresetStep step("mnist32", "fp32");  // 4 steps an epoch, one of them made
  step.calls_of(StepLaunch::graph);
  for (int left = 0; left < 2; ++left) step.calls_of(StepLaunch::graph);
  const Counts calls = step.calls_of(StepLaunch::graph);
  INFO(text_of(calls));
  CHECK(calls == Counts{{"cudaMemcpyAsync", 1},
                        {"cudaEventSynchronize", 1},
                        {"cudaEventRecord", 1},
                        {"cudaGraphLaunch", 1}});
}

TEST_CASE("the graph of a step has as many nodes as this table says") {
  // Kernels, no copies or fills; a planned convolution of the vendor's counts as one, as here. With
  // a second branch some run beside the longest chain.
  struct Expected {
    const char* preset;
    std::size_t nodes;
    std::int64_t chain;
  };
  const Expected kExpected[] = {{"libtorch", 73, 60},
                                {"mnist32", 73, 60},
                                {"cifar32", 73, 60},
                                {"pytorch", 95, 78},
                                {"paper", 95, 78}};
  CHECK(std::size(kExpected) == presets().size());
  for (const Expected& expected : kExpected) {
    for (const char* precision : {"fp32", "bf16"}) {
      PresetStep step(expected.preset, precision);
      Counts eager = step.calls_of(StepLaunch::eager);
      step.calls_of(StepLaunch::graph);
      const Counts nodes = emulator::graph_nodes();
      INFO(expected.preset << " in " << precision << ":\n" << text_of(nodes));
      CHECK(step.engine().graph_size().nodes == expected.nodes);
      CHECK(emulator::longest_chain() == expected.chain);
      // Enqueued call by call, a step is the same operations; between the branches there are
      // events.
      INFO(text_of(eager));
      CHECK(eager["cudaEventRecord"] == eager["cudaStreamWaitEvent"]);
      eager.erase("cudaEventRecord");
      eager.erase("cudaStreamWaitEvent");
      std::int64_t enqueued = 0;
      for (const auto& [name, count] : eager) enqueued += count;
      CHECK(enqueued == static_cast<std::int64_t>(step.engine().graph_size().nodes));
      CHECK(step.engine().graph_size().kernels == expected.nodes);
    }
  }
}

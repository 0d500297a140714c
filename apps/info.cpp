// dcgan info

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/commands.h"
#include "apps/device_choice.h"
#include "apps/messages.h"
#include "apps/run_option_flags.h"
#include "models/checkpoint/checkpoint.h"
#include "models/networks/cost.h"
#include "models/run/option_defaults.h"
#include "models/run/run_config.h"
#include "models/training/step_plan.h"
#include "runtime/device/open_device.h"

namespace dcgan {
namespace {

struct InfoArguments {
  explicit InfoArguments(CLI::App& app)
      : flags(app,
              {"Network", "Loss and optimiser", "batch-size", "device", "precision", "threads"}) {
    app.add_option("--checkpoint", checkpoint,
                   "take the options of this checkpoint, or of the newest one of an output folder")
        ->type_name("PATH");
    app.add_flag("--json", json, "print JSON");
    app.add_flag("--roofline", roofline,
                 "print arithmetic and bytes of a step per image: fully fused, and as this engine "
                 "plans it");
    app.add_flag("--memory", memory, "list every slot of the memory plan");
  }
  RunOptionFlags flags;
  std::string checkpoint;
  bool json = false;
  bool memory = false;
  bool roofline = false;
};

std::string activation_text(Activation activation) {
  switch (activation) {
    case Activation::relu:
      return " relu";
    case Activation::leaky_relu:
      return " leaky";
    case Activation::tanh:
      return " tanh";
    case Activation::none:
      break;
  }
  return "";
}

nlohmann::ordered_json describe(const std::vector<BlockSpec>& blocks, const Shape& input) {
  const std::vector<Shape> shapes = block_output_shapes(blocks, input);
  const std::vector<std::int64_t> macs = forward_macs(blocks, input);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const BlockSpec& block = blocks[i];
    rows.push_back({{"name", block.conv_name},
                    {"operation", to_string(block.conv) + (block.norm == Norm::batch ? " bn" : "") +
                                      activation_text(block.activation.kind)},
                    {"output", {shapes[i][1], shapes[i][2], shapes[i][3]}},
                    {"parameters", parameter_count({block})},
                    {"macs", macs[i]}});
  }
  return {{"parameters", parameter_count(blocks)},
          {"macs", std::accumulate(macs.begin(), macs.end(), std::int64_t{0})},
          {"blocks", rows}};
}

nlohmann::ordered_json describe_run(const RunOptions& options, const ModelConfig& model,
                                    const StepPlan& plan) {
  const auto generator = generator_blocks(model);
  const auto discriminator = discriminator_blocks(model);
  const Shape latent{1, 1, 1, model.nz};
  nlohmann::ordered_json json;
  json["preset"] = preset_of(options);
  json["image"] = {model.image_size, model.image_size, model.channels};
  json["generator"] = describe(generator, latent);
  json["discriminator"] = describe(discriminator, block_output_shapes(generator, latent).back());
  json["step_gflop_per_image"] = step_flops_per_image(generator, discriminator) * 1e-9;
  const auto megabytes = [&](BytesPlan bytes_plan, DType dtype) {
    return static_cast<double>(size_of(dtype)) * 1e-6 *
           step_elements_per_image(generator, discriminator, bytes_plan);
  };
  for (const DType dtype : {DType::bf16, DType::f32}) {
    json["step_mb_per_image"][std::string(name_of(dtype))] = {
        {"fused", megabytes(BytesPlan::fused, dtype)},
        {"engine", megabytes(BytesPlan::engine, dtype)}};
  }
  // Values, gradients and two moments, float32; the average is one more for the generator.
  const std::int64_t copies = options.ema_decay > 0 ? 5 : 4;
  json["memory"] = {{"batch_size", options.batch_size},
                    {"parameters_bytes", 4 * (copies * parameter_count(generator) +
                                              4 * parameter_count(discriminator))},
                    {"step_bytes", plan.memory.bytes()},
                    {"step_bytes_unshared", plan.memory.bytes_unshared()}};
  return json;
}

void print_network(const char* name, const nlohmann::ordered_json& network) {
  fmt::print("{}: {} parameters, {:.1f} M multiply-accumulates an image\n", name,
             network["parameters"].get<std::int64_t>(), network["macs"].get<double>() * 1e-6);
  for (const auto& block : network["blocks"]) {
    const auto output = block["output"].get<std::vector<std::int64_t>>();
    fmt::print("  {:<8} {:<42} {:>4} x {:<4} x {:<5} {:>9} {:>9.2f} M\n",
               block["name"].get<std::string>(), block["operation"].get<std::string>(), output[0],
               output[1], output[2], block["parameters"].get<std::int64_t>(),
               block["macs"].get<double>() * 1e-6);
  }
}

void print_roofline(const nlohmann::ordered_json& json) {
  fmt::print("roofline of a step, per image, at large batches (weights and optimiser apart):\n");
  for (const auto& [dtype, plans] : json["step_mb_per_image"].items()) {
    const double gflop = json["step_gflop_per_image"].get<double>();
    for (const auto& [plan, megabytes] : plans.items()) {
      fmt::print("  {:<5} {:<9} {:>7.3f} GFLOP {:>7.2f} MB {:>7.0f} FLOP a byte\n", dtype,
                 plan == "fused" ? "(a) fused" : "engine", gflop, megabytes.get<double>(),
                 gflop * 1e3 / megabytes.get<double>());
    }
  }
}

void print_slots(const MemoryPlan& plan) {
  for (const Slot& slot : plan.slots()) {
    fmt::print("  {:>12} {:>12}  {:<34} {} {}\n", slot.offset, slot.bytes(), slot.name,
               name_of(slot.dtype), to_string(slot.shape));
  }
}

int info(const InfoArguments& arguments) {
  RunOptions base;
  if (!arguments.checkpoint.empty()) {
    base = checkpoint_options(find_checkpoint(arguments.checkpoint, print_warning));
  }
  const RunOptions options = arguments.flags.effective(base);
  TrainingConfig config = run_config(options).training;
  config.tuning = ConvTuning::off;  // describing a network times nothing
  apply_threads(options.threads);
  const Context context = open_device(options.device, print_device_notice);
  const StepPlan plan(context, generator_blocks(config.model), discriminator_blocks(config.model),
                      config, step_plan_options(context, config));
  const nlohmann::ordered_json json = describe_run(options, config.model, plan);
  if (arguments.json) {
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  print_network("generator", json["generator"]);
  print_network("discriminator", json["discriminator"]);
  constexpr double kMiB = 1 << 20;
  fmt::print("step: {:.3f} GFLOP an image (one real and one generated)\n",
             json["step_gflop_per_image"].get<double>());
  fmt::print(
      "memory at batch {}: parameters, gradients and moments {:.1f} MiB; step {:.1f} MiB "
      "({:.1f} MiB without sharing)\n",
      options.batch_size, json["memory"]["parameters_bytes"].get<double>() / kMiB,
      static_cast<double>(plan.memory.bytes()) / kMiB,
      static_cast<double>(plan.memory.bytes_unshared()) / kMiB);
  if (arguments.roofline) print_roofline(json);
  if (arguments.memory) print_slots(plan.memory);
  return 0;
}

}  // namespace

Command add_info(CLI::App& app) {
  const auto arguments = std::make_shared<InfoArguments>(app);
  app.footer(
      "Examples:\n"
      "  dcgan info --preset pytorch --batch-size 256\n"
      "  dcgan info --checkpoint out --memory");
  return [arguments] { return info(*arguments); };
}

}  // namespace dcgan

// Times the adversarial step and the generator of PyTorch's C++ library on the CPU.
//
//   libtorch_dcgan --image-size 28 --channels 1 --batch 64 --threads 2 --json
//
// Options and JSON are those of the other peers (benchmarks/peers/figures.py).

#include <ATen/Parallel.h>
#include <torch/torch.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/peers/libtorch_dcgan/networks.h"
#include "benchmarks/peers/libtorch_dcgan/step.h"

namespace peer {
namespace {

struct Options {
  NetworkOptions network;
  std::int64_t batch = 64;
  int threads = at::get_num_threads();
  int repeats = 20;
  int warm_up = 3;
  std::string variants = "tutorial,tuned";
  bool inference = true;
  bool json = false;
};

std::int64_t number_after(const std::string& option, const std::string& text) {
  std::size_t used = 0;
  std::int64_t value = 0;
  try {
    value = std::stoll(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used != text.size() || used == 0 || value < 1) {
    throw std::invalid_argument(option + " " + text + ": a number from 1 is needed");
  }
  return value;
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& option = words[i];
    if (option == "--json") {
      options.json = true;
      continue;
    }
    if (option == "--no-inference") {
      options.inference = false;
      continue;
    }
    if (i + 1 == words.size()) throw std::invalid_argument(option + ": unknown, or lacks a value");
    const std::string& text = words[++i];
    const auto number = [&] { return number_after(option, text); };
    if (option == "--variants") {
      options.variants = text;
    } else if (option == "--image-size") {
      options.network.image_size = number();
    } else if (option == "--channels") {
      options.network.channels = number();
    } else if (option == "--nz") {
      options.network.nz = number();
    } else if (option == "--ngf") {
      options.network.ngf = number();
    } else if (option == "--ndf") {
      options.network.ndf = number();
    } else if (option == "--batch") {
      options.batch = number();
    } else if (option == "--threads") {
      options.threads = static_cast<int>(number());
    } else if (option == "--repeats") {
      options.repeats = static_cast<int>(number());
    } else if (option == "--warm-up") {
      options.warm_up = static_cast<int>(number());
    } else {
      throw std::invalid_argument("unknown option " + option);
    }
  }
  return options;
}

struct Row {
  std::string task;
  std::string name;
  std::int64_t batch;
  std::vector<double> elapsed_ms;  // sorted
};

// Linear between the two nearest ranks of sorted values.
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(std::floor(at));
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

Row time_action(Row row, const Options& options, const std::function<void()>& action) {
  for (int i = 0; i < options.warm_up; ++i) action();
  for (int i = 0; i < options.repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    action();
    const std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - start;
    row.elapsed_ms.push_back(elapsed.count());
  }
  std::sort(row.elapsed_ms.begin(), row.elapsed_ms.end());
  return row;
}

Row time_step(const Options& options, const std::string& variant) {
  const NetworkOptions& network = options.network;
  const torch::Tensor images = torch::randint(
      0, 256, {8 * options.batch, network.channels, network.image_size, network.image_size},
      torch::kUInt8);
  Step step(way_of(variant), network, images, options.batch);
  Row row = time_action({"train", variant, options.batch, {}}, options, [&] { step.run(); });
  step.require_finite();
  return row;
}

Row time_generator(const Options& options, std::int64_t batch) {
  torch::nn::Sequential generator = make_generator(options.network);
  prepare(generator, Way::tuned);
  generator->eval();
  const torch::Tensor z = torch::randn({batch, options.network.nz, 1, 1});
  return time_action({"generate", "generator", batch, {}}, options, [&] {
    const c10::InferenceMode inference;
    generator->forward(z);
  });
}

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(std::min(colon + 2, line.size()));
    }
  }
  return "unknown";
}

void print(const Options& options, const std::vector<Row>& rows) {
  if (options.json) {
    std::printf("{\"program\": \"libtorch\", \"version\": \"%s\", \"processor\": \"%s\", ",
                TORCH_VERSION, processor().c_str());
    std::printf("\"threads\": %d, \"image_size\": %lld, \"channels\": %lld, \"results\": [",
                options.threads, static_cast<long long>(options.network.image_size),
                static_cast<long long>(options.network.channels));
  } else {
    std::printf("libtorch %s, %d threads, %s\n", TORCH_VERSION, options.threads,
                processor().c_str());
  }
  const char* format = options.json
                           ? "%s{\"task\": \"%s\", \"name\": \"%s\", \"dtype\": \"f32\", "
                             "\"batch\": %lld, \"samples\": %zu, \"median_ms\": %.6f, "
                             "\"p10_ms\": %.6f, \"p90_ms\": %.6f, \"images_per_s\": %.3f}"
                           : "%s%-9s %-15s f32   batch %4lld, %zu samples: %9.3f ms (p10 %.3f, "
                             "p90 %.3f), %9.1f images/s\n";
  const char* between = "";
  for (const Row& row : rows) {
    const double median = quantile(row.elapsed_ms, 0.5);
    std::printf(format, between, row.task.c_str(), row.name.c_str(),
                static_cast<long long>(row.batch), row.elapsed_ms.size(), median,
                quantile(row.elapsed_ms, 0.1), quantile(row.elapsed_ms, 0.9),
                static_cast<double>(row.batch) / median * 1e3);
    if (options.json) between = ", ";
  }
  if (options.json) std::printf("]}\n");
}

void run(const Options& options) {
  at::set_num_threads(options.threads);
  std::vector<Row> rows;
  std::istringstream names(options.variants);
  for (std::string name; std::getline(names, name, ',');) rows.push_back(time_step(options, name));
  if (options.inference) {
    for (const std::int64_t batch : {1, 64}) rows.push_back(time_generator(options, batch));
  }
  print(options, rows);
}

}  // namespace
}  // namespace peer

int main(int argc, char** argv) {
  try {
    peer::run(peer::parse({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "libtorch_dcgan: %s\n", error.what());
    return 1;
  }
  return 0;
}

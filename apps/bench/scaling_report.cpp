#include "apps/bench/scaling_report.h"

#include <fmt/format.h>

namespace dcgan {
namespace {

nlohmann::ordered_json as_json(const ReducedPass& pass) {
  nlohmann::ordered_json json = {{"share_of_step", pass.share}, {"times", pass.times}};
  for (const GradientTransfer& bucket : pass.buckets) {
    json["buckets"].push_back({{"bytes", bucket.bytes}, {"ready", bucket.ready}});
  }
  return json;
}

nlohmann::ordered_json as_json(const ScalingWork& work) {
  nlohmann::ordered_json json = {{"overlaps", work.overlaps},
                                 {"discriminator", as_json(work.discriminator)},
                                 {"generator", as_json(work.generator)},
                                 {"result_bytes", work.result_bytes},
                                 {"result_share_of_step", work.result_share}};
  json["batch_norm"] = nlohmann::ordered_json::array();
  for (const BlockingTransfer& norm : work.norms) {
    json["batch_norm"].push_back(
        {{"bytes", norm.bytes}, {"bytes_per_gpu", norm.bytes_per_gpu}, {"times", norm.times}});
  }
  return json;
}

nlohmann::ordered_json as_json(const ScalingPoint& point) {
  return {{"gpus", point.gpus},
          {"batch", point.batch},
          {"step_ms", point.step_ms()},
          {"efficiency", point.efficiency},
          {"images_per_s", point.images_per_second()},
          {"compute_ms", point.compute_ms},
          {"extrapolated", point.extrapolated},
          {"travel_ms", point.travel_ms},
          {"exposed_ms",
           {{"discriminator_gradients", point.discriminator_ms},
            {"generator_gradients", point.generator_ms},
            {"batch_norm", point.norm_ms}}}};
}

nlohmann::ordered_json as_json(const ClusterLinks& links) {
  const auto speed = [](const LinkSpeed& link) {
    return nlohmann::ordered_json{{"us", link.latency_us}, {"gb_per_s", link.gb_per_second}};
  };
  return {{"node_gpus", links.node_gpus},
          {"call_us", links.call_us},
          {"link", speed(links.inside)},
          {"network", speed(links.between)}};
}

nlohmann::ordered_json as_json(const std::vector<ScalingPoint>& points) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const ScalingPoint& point : points) json.push_back(as_json(point));
  return json;
}

void print_buckets(const char* name, const ReducedPass& pass) {
  fmt::print("{}: {:.0f} % of the step's computing in {} backward {}; gradients:", name,
             100 * pass.share * pass.times, pass.times, pass.times == 1 ? "pass" : "passes");
  for (const GradientTransfer& bucket : pass.buckets) {
    fmt::print(" {:.2f} MB after {:.1f} %{}", bucket.bytes * 1e-6, 100 * bucket.ready,
               &bucket == &pass.buckets.back() ? " of a pass\n" : ",");
  }
}

void print_work(const ScalingReport& report) {
  const ScalingWork& work = report.work;
  fmt::print("a model, from step times {}:", report.times);
  for (const BatchTime& time : report.step_times) {
    fmt::print(" {:.0f}: {:.3f} ms{}", time.batch, time.ms,
               &time == &report.step_times.back() ? "\n" : ",");
  }
  print_buckets("D", work.discriminator);
  print_buckets("G", work.generator);
  if (!work.norms.empty()) {
    int count = 0;
    for (const BlockingTransfer& norm : work.norms) count += norm.times;
    fmt::print("batch norm: {} all-reduces a step, each waited for\n", count);
  }
  fmt::print("{}\n", work.overlaps
                         ? "gradients travel beside the rest of their backward pass: what is ready "
                           "last cannot hide"
                         : "gradients travel behind their backward pass");
}

void print_points(const std::vector<ScalingPoint>& points) {
  fmt::print("{:>6} {:>9} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>12}\n", "GPUs", "batch",
             "step ms", "efficiency", "waits ms", "D", "G", "batch norm", "images/s");
  for (const ScalingPoint& point : points) {
    fmt::print("{:>6} {:>9} {:>10} {:>8.1f} % {:>10.3f} {:>10.3f} {:>10.3f} {:>10.3f} {:>12.0f}\n",
               point.gpus, fmt::format("{:.0f}", point.batch),
               fmt::format("{}{:.3f}", point.extrapolated ? "~" : "", point.step_ms()),
               100 * point.efficiency, point.exposed_ms(), point.discriminator_ms,
               point.generator_ms, point.norm_ms, point.images_per_second());
  }
}

void print_shape(const ScalingTables& tables) {
  const ClusterLinks& links = tables.links;
  fmt::print(
      "\nnodes of {}: {} us a call; {} us and {} GB/s inside, {} us and {} GB/s between nodes\n",
      links.node_gpus, links.call_us, links.inside.latency_us, links.inside.gb_per_second,
      links.between.latency_us, links.between.gb_per_second);
  for (const std::vector<ScalingPoint>& points : tables.weak) {
    fmt::print("weak scaling, {:.0f} images a GPU\n", points.front().batch);
    print_points(points);
  }
  if (tables.strong.empty()) {
    fmt::print("strong scaling: none, as it needs the times of two batch sizes at least\n");
    return;
  }
  fmt::print("strong scaling, {:.0f} images a step\n", tables.strong.front().batch);
  print_points(tables.strong);
}

}  // namespace

nlohmann::ordered_json as_json(const ScalingReport& report) {
  nlohmann::ordered_json json;
  json["model"] = "step times of many GPUs, predicted and not measured";
  json["inputs"] = report.inputs;
  json["inputs"]["step_times"] = report.times;
  for (const BatchTime& time : report.step_times) {
    json["inputs"]["step_ms"].push_back({{"batch", time.batch}, {"ms", time.ms}});
  }
  json["inputs"]["work"] = as_json(report.work);
  json["shapes"] = nlohmann::ordered_json::array();
  for (const ScalingTables& tables : report.shapes) {
    nlohmann::ordered_json shape = as_json(tables.links);
    shape["weak"] = nlohmann::ordered_json::array();
    for (const std::vector<ScalingPoint>& points : tables.weak) {
      shape["weak"].push_back(as_json(points));
    }
    shape["strong"] = as_json(tables.strong);
    json["shapes"].push_back(shape);
  }
  return json;
}

void print_tables(const ScalingReport& report) {
  print_work(report);
  for (const ScalingTables& tables : report.shapes) print_shape(tables);
}

}  // namespace dcgan

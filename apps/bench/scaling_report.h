// The tables and the JSON of dcgan bench --scaling.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/profiling/scaling_model.h"

namespace dcgan {

/// One node shape.
struct ScalingTables {
  ClusterLinks links;
  std::vector<std::vector<ScalingPoint>> weak;  ///< one for each batch whose time is known
  std::vector<ScalingPoint> strong;             ///< empty: fewer than two batches
};

struct ScalingReport {
  nlohmann::ordered_json inputs;  ///< what the user gave and the engine counted
  std::string times;              ///< "given", or the device on which they were measured
  ScalingWork work;
  std::vector<BatchTime> step_times;
  std::vector<ScalingTables> shapes;
};

nlohmann::ordered_json as_json(const ScalingReport& report);
void print_tables(const ScalingReport& report);

}  // namespace dcgan

// Properties of the simulated devices, errors, and the functions with which tests control them.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "tests/emulator/runtime/state.h"

namespace dcgan::emulator {

ThreadState& this_thread() {
  static thread_local ThreadState state;
  return state;
}

namespace {

std::int64_t number_in_environment(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  char* end = nullptr;
  const long long value = std::strtoll(text, &end, 10);
  if (end == text || *end != '\0' || value < 0) {
    std::fprintf(stderr, "emulator: %s=%s is not a number\n", name, text);
    std::exit(78);
  }
  return value;
}

// "allocation:3,launch:10"
void inject_from_environment(Simulation& device) {
  const char* text = std::getenv("DCGAN_EMULATOR_FAIL");
  std::string_view rest = text == nullptr ? "" : text;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    const std::size_t colon = item.find(':');
    const std::string_view kind = item.substr(0, colon);
    const std::int64_t count = colon == std::string_view::npos
                                   ? 0
                                   : std::atoll(std::string(item.substr(colon + 1)).c_str());
    constexpr std::pair<std::string_view, Fault> kFaults[] = {{"allocation", Fault::allocation},
                                                              {"launch", Fault::launch},
                                                              {"copy", Fault::copy},
                                                              {"execution", Fault::execution}};
    bool known = false;
    for (const auto& [name, fault] : kFaults) {
      if (kind != name || count < 1) continue;
      device.countdown[fault] = count;
      known = true;
    }
    if (!known) {
      std::fprintf(stderr, "emulator: DCGAN_EMULATOR_FAIL: \"%s\" is not like launch:10\n",
                   std::string(item).c_str());
      std::exit(78);
    }
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
  }
}

// At exit: what was not released is a leak of the engine. Calls _Exit, because the status of exit
// cannot be changed any more.
void report_leaks() {
  const Live left = live();
  if (left == Live{}) return;
  std::fprintf(stderr,
               "emulator: not released at exit: %zu allocations (%zu bytes), %zu streams, %zu "
               "events, %zu graphs, %zu communicators\n",
               left.allocations, left.bytes, left.streams, left.events, left.graphs,
               left.communicators);
  for (const auto& [address, allocation] : simulation().allocations) {
    std::fprintf(stderr, "emulator:   allocation %lld: %zu bytes of %s memory\n",
                 static_cast<long long>(allocation.number), allocation.bytes,
                 allocation.place == Place::device ? "device" : "pinned");
  }
  std::fflush(nullptr);
  std::_Exit(70);
}

Simulation* make_simulation() {
  auto* device = new Simulation;
  device->random.seed(static_cast<std::uint64_t>(number_in_environment("DCGAN_EMULATOR_SEED", 1)));
  device->devices = static_cast<int>(number_in_environment("DCGAN_EMULATOR_DEVICES", 2));
  device->memory_bytes =
      static_cast<std::size_t>(number_in_environment("DCGAN_EMULATOR_MEMORY_MIB", 4096)) << 20;
  inject_from_environment(*device);
  const char* leaks = std::getenv("DCGAN_EMULATOR_LEAKS");
  if (leaks == nullptr || std::string_view(leaks) != "ignore") std::atexit(report_leaks);
  return device;
}

int device_count() {
  const Simulation& device = simulation();
  return device.identity.devices >= 0 ? device.identity.devices : device.devices;
}

}  // namespace

Simulation& simulation() {
  static Simulation* const device = make_simulation();
  return *device;
}

cudaError_t explain(cudaError_t status, const std::string& text) {
  Simulation& device = simulation();
  const std::lock_guard lock(device.mutex);
  device.details[status] = text;
  return status;
}

bool fault_due(Fault fault) {
  auto& countdown = simulation().countdown;
  const auto found = countdown.find(fault);
  if (found == countdown.end() || --found->second > 0) return false;
  countdown.erase(found);
  return true;
}

void fail_at(Fault fault, std::int64_t count) {
  Simulation& device = simulation();
  const std::lock_guard lock(device.mutex);
  device.countdown[fault] = count;
}

void reset(std::uint64_t seed) {
  Simulation& device = simulation();
  const std::lock_guard lock(device.mutex);
  forget_pending();
  device.random.seed(seed);
  device.sticky = cudaSuccess;
  device.countdown.clear();
  device.details.clear();
  device.identity = {};
  device.patience_seconds = 60;
  this_thread().last_error = cudaSuccess;
}

Live live() {
  Simulation& device = simulation();
  const std::lock_guard lock(device.mutex);
  Live result;
  result.allocations = device.allocations.size();
  for (const auto& [address, allocation] : device.allocations) result.bytes += allocation.bytes;
  result.streams = device.streams.size();
  result.events = device.events.size();
  result.graphs = device.graphs.size() + device.executables.size();
  result.communicators = device.communicators;
  return result;
}

std::int64_t nodes_run() {
  const std::lock_guard lock(simulation().mutex);
  return simulation().nodes_run;
}

std::size_t nodes_pending() {
  const std::lock_guard lock(simulation().mutex);
  return simulation().pending;
}

std::map<std::string, std::int64_t> calls() {
  const std::lock_guard lock(simulation().mutex);
  return simulation().calls;
}

std::map<std::string, std::int64_t> graph_nodes() {
  const std::lock_guard lock(simulation().mutex);
  std::map<std::string, std::int64_t> result;
  for (const CUgraphExec_st* graph : simulation().executables) {
    for (const GraphNode& node : graph->nodes) ++result[node.name];
  }
  return result;
}

std::int64_t longest_chain() {
  const std::lock_guard lock(simulation().mutex);
  std::int64_t longest = 0;
  for (const CUgraphExec_st* graph : simulation().executables) {
    std::vector<std::int64_t> chain;  // up to and with each node
    for (const GraphNode& node : graph->nodes) {
      std::int64_t before = 0;
      for (const std::size_t index : node.before) before = std::max(before, chain[index]);
      chain.push_back(before + 1);
      longest = std::max(longest, chain.back());
    }
  }
  return longest;
}

void pretend(const Identity& identity) {
  const std::lock_guard lock(simulation().mutex);
  simulation().identity = identity;
}

}  // namespace dcgan::emulator

using namespace dcgan::emulator;

extern "C" {

// These succeed also when the device is broken or a node is running.
cudaError_t cudaDriverGetVersion(int* version) {
  const int pretended = simulation().identity.driver_version;
  *version = pretended >= 0 ? pretended : CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const cudaError_t status =
      simulation().sticky != cudaSuccess ? simulation().sticky : this_thread().last_error;
  this_thread().last_error = cudaSuccess;
  return status;
}

cudaError_t cudaPeekAtLastError() {
  return simulation().sticky != cudaSuccess ? simulation().sticky : this_thread().last_error;
}

const char* cudaGetErrorName(cudaError_t status) {
  static thread_local std::string text;
  text = "cudaError " + std::to_string(static_cast<int>(status));
  return text.c_str();
}

const char* cudaGetErrorString(cudaError_t status) {
  static thread_local std::string text;
  Simulation& device = simulation();
  const std::lock_guard lock(device.mutex);
  const auto found = device.details.find(status);
  text = found == device.details.end() ? "no details" : found->second;
  return text.c_str();
}

cudaError_t cudaGetDeviceCount(int* count) {
  return api_call("cudaGetDeviceCount", [&](Simulation& device) {
    *count = device_count();
    if (device.identity.count_error != cudaSuccess) *count = 0;
    return device.identity.count_error;
  });
}

cudaError_t cudaGetDevice(int* ordinal) {
  *ordinal = this_thread().device;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int ordinal) {
  return api_call("cudaSetDevice", [&](Simulation&) -> cudaError_t {
    if (ordinal < 0 || ordinal >= device_count()) {
      return explain(cudaErrorInvalidDevice, "no GPU " + std::to_string(ordinal));
    }
    this_thread().device = ordinal;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int ordinal) {
  return api_call("cudaGetDeviceProperties", [&](Simulation& device) -> cudaError_t {
    if (ordinal < 0 || ordinal >= device_count()) return cudaErrorInvalidDevice;
    *properties = {};
    std::strncpy(properties->name, "emulated device", sizeof properties->name - 1);
    for (int i = 0; i < 16; ++i) properties->uuid.bytes[i] = static_cast<char>(16 * ordinal + i);
    properties->major = device.identity.major;
    properties->minor = device.identity.minor;
    properties->totalGlobalMem = memory_of_device(device);
    properties->multiProcessorCount = 4;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = 1024;
    properties->maxThreadsPerMultiProcessor = 2048;
    properties->sharedMemPerBlock = 48 << 10;
    properties->l2CacheSize = 1 << 20;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int ordinal) {
  return api_call("cudaDeviceGetAttribute", [&](Simulation&) -> cudaError_t {
    if (ordinal < 0 || ordinal >= device_count()) return cudaErrorInvalidDevice;
    switch (attribute) {
      case cudaDevAttrMultiProcessorCount:
        *value = 4;
        return cudaSuccess;
      case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = 48 << 10;
        return cudaSuccess;
      case cudaDevAttrMaxThreadsPerBlock:
        *value = 1024;
        return cudaSuccess;
      default:
        return explain(cudaErrorInvalidValue,
                       "attribute " + std::to_string(attribute) + " is not simulated");
    }
  });
}

}  // extern "C"

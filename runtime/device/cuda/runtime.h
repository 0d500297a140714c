// The adapter of the CUDA runtime: every call that the runtime layer makes, behind plain
// signatures, so that no other host file includes a CUDA header. Contexts, buffers, events and
// graphs stand on it; it includes none of them. Defined only in builds with the CUDA engine
// (kHasCuda).
//
// CUDA keeps a current GPU for each thread. create_stream makes `ordinal` current for the calling
// thread and leaves it so. Use a context on the thread that made it, or on one that made another
// context of the same GPU.
#pragma once

#include <cstddef>
#include <string>

#include "runtime/device/graph_size.h"

struct CUstream_st;
struct CUevent_st;
struct CUgraphExec_st;

namespace dcgan::cuda {

/// Makes a GPU current for the calling thread until the end of the scope, then restores the one
/// that was current before.
class CurrentDevice {
 public:
  explicit CurrentDevice(int ordinal);
  ~CurrentDevice();
  CurrentDevice(const CurrentDevice&) = delete;  // one scope, one change
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
  bool changed_ = false;
};

/// For scopes whose end cannot throw. CUDA starts on a thread with GPU 0 current.
int current_device();
void set_current_device(int ordinal);
void restore_device(int ordinal) noexcept;

/// Throws Error(unavailable) unless GPU `ordinal` exists and can run this build. The message has
/// the number of GPUs, or the versions of driver and build, and says what to do.
void require_device(int ordinal);

/// The number of GPUs that the driver shows; 0 without a driver.
int device_count() noexcept;

struct DeviceDescription {
  std::string name;
  int major = 0;  ///< compute capability
  int minor = 0;
  int multiprocessors = 0;
  std::size_t memory_bytes = 0;
  std::size_t free_bytes = 0;
  std::size_t l2_bytes = 0;
  int driver_version = 0;   ///< newest CUDA that the driver supports: 13000 is 13.0
  int runtime_version = 0;  ///< CUDA that this build is linked with
  int clock_khz = 0;        ///< highest; 0: unknown
  int memory_clock_khz = 0;
};
/// Throws as require_device does.
DeviceDescription describe_device(int ordinal);

/// "GPU-8a6f0c11-...": one GPU of the world, or a part of one (MIG). As nvidia-smi writes it.
std::string device_uuid(int ordinal);

/// Whether a kernel may be launched before the one before it has ended.
bool can_overlap_launches(int ordinal);

CUstream_st* create_stream(int ordinal);
void destroy_stream(CUstream_st* stream) noexcept;
void synchronize_stream(CUstream_st* stream);

struct MemoryInfo {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
};
MemoryInfo memory_info(int ordinal);

/// Null when there is not enough memory; throws Error on any other failure. Pinned memory can be
/// used by every GPU.
void* allocate_device(int ordinal, std::size_t bytes);
void* allocate_pinned(int ordinal, std::size_t bytes);
/// Waits for all work on the GPU that holds `data`.
void release_device(void* data) noexcept;
void release_pinned(void* data) noexcept;

enum class CopyKind { device_to_device, host_to_device, device_to_host };
void copy_bytes(CUstream_st* stream, const void* from, void* to, std::size_t bytes, CopyKind kind);
void zero_bytes(CUstream_st* stream, void* to, std::size_t bytes);

CUevent_st* create_event(int ordinal);
void destroy_event(CUevent_st* event) noexcept;
void record_event(CUevent_st* event, CUstream_st* stream);
void wait_event(CUstream_st* stream, CUevent_st* event);
void synchronize_event(CUevent_st* event);
bool is_event_done(CUevent_st* event);
double elapsed_ms(CUevent_st* first, CUevent_st* last);

bool is_capturing(CUstream_st* stream);
void begin_capture(CUstream_st* stream);
/// Ends the capture and makes it executable. `size` receives what it holds.
CUgraphExec_st* end_capture(CUstream_st* stream, GraphSize* size);
/// Ends a capture whose operations are not wanted, valid or not.
void abandon_capture(CUstream_st* stream) noexcept;
void launch_graph(CUgraphExec_st* graph, CUstream_st* stream);
void destroy_graph(CUgraphExec_st* graph) noexcept;

}  // namespace dcgan::cuda

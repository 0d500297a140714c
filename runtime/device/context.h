// A context is where work goes: a device and, on a GPU, one stream of it. Every operation takes one
// first. On the CPU an operation has finished when it returns; on a GPU it has been enqueued.
#pragma once

#include <memory>

#include "runtime/device/device.h"

struct CUstream_st;  // cudaStream_t is a pointer to it; no CUDA header is needed here.

namespace dcgan {

class Context {
 public:
  /// On a GPU: makes a stream of its own. Throws Error(unavailable), naming what is missing, when
  /// the device cannot be used.
  explicit Context(Device device);
  /// Works on the caller's stream, which must outlive the context.
  Context(Device device, CUstream_st* stream);
  ~Context();
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;

  Device device() const { return device_; }
  bool is_cuda() const { return device_.type == DeviceType::cuda; }
  CUstream_st* stream() const;  ///< null on the CPU

  /// Waits until everything enqueued has finished. Throws what went wrong on the device.
  void synchronize() const;

 private:
  struct Stream;
  Device device_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace dcgan

// cuDNN's backend descriptors: one owner, checked attributes. Included by .cpp files only.
#pragma once

#include <cudnn_graph.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/base/errors.h"

namespace dcgan::cuda {

/// Throws Error(unavailable or internal) with cuDNN's name of the status and its own last words.
[[noreturn]] void fail_cudnn(cudnnStatus_t status, const char* call, const char* file, int line);

/// Why an engine was last passed over on this thread: for the error when none is left.
void note_refusal(std::string why);
const std::string& last_refusal();

/// A descriptor of the graph API (cudnn_graph.h), named by its type.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);

  cudnnBackendDescriptor_t get() const { return owner_.get(); }

  void set(cudnnBackendAttributeName_t name, std::int64_t value);
  void set(cudnnBackendAttributeName_t name, const std::vector<std::int64_t>& values);
  void set(cudnnBackendAttributeName_t name, float value);
  void set(cudnnBackendAttributeName_t name, bool value);
  void set(cudnnBackendAttributeName_t name, const Descriptor& value);
  void set(cudnnBackendAttributeName_t name, const std::vector<Descriptor>& values);
  void set(cudnnBackendAttributeName_t name, cudnnHandle_t handle);
  void set(cudnnBackendAttributeName_t name, const std::string& text);
  void set(cudnnBackendAttributeName_t name, cudnnDataType_t value);
  void set(cudnnBackendAttributeName_t name, cudnnConvolutionMode_t value);
  void set(cudnnBackendAttributeName_t name, cudnnBackendHeurMode_t value);
  void set(cudnnBackendAttributeName_t name, cudnnPointwiseMode_t value);
  void set(cudnnBackendAttributeName_t name, cudnnNanPropagation_t value);
  void set(cudnnBackendAttributeName_t name, const std::vector<void*>& pointers);

  /// Checks and closes it. Throws when cuDNN refuses.
  void finalize();
  /// The same for descriptors whose refusal is an answer ("this engine does not support that"),
  /// which is noted.
  bool try_finalize();

  std::int64_t get_int64(cudnnBackendAttributeName_t name) const;
  std::string get_text(cudnnBackendAttributeName_t name) const;
  std::vector<cudnnBackendNumericalNote_t> get_notes() const;
  /// The descriptors held, each of `type`; fewer than `most` when there are fewer.
  std::vector<Descriptor> get_descriptors(cudnnBackendAttributeName_t name,
                                          cudnnBackendDescriptorType_t type,
                                          std::int64_t most) const;

 private:
  struct Destroy {
    void operator()(void* descriptor) const { cudnnBackendDestroyDescriptor(descriptor); }
  };
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
           const void* values);
  std::unique_ptr<void, Destroy> owner_;
};

}  // namespace dcgan::cuda

/// Throws Error with cuDNN's name of the status, the call, file and line, unless it succeeds.
#define CUDNN_TRY(call)                                                       \
  do {                                                                        \
    const cudnnStatus_t cudnn_try_status = (call);                            \
    if (cudnn_try_status != CUDNN_STATUS_SUCCESS) [[unlikely]]                \
      ::dcgan::cuda::fail_cudnn(cudnn_try_status, #call, __FILE__, __LINE__); \
  } while (false)

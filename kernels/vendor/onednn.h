// Thin helpers over oneDNN: one engine, calls whose memory is re-pointed, errors with a name.
// Included by .cpp files only.
#pragma once

#include <dnnl.hpp>
#include <initializer_list>
#include <string>
#include <vector>

#include "runtime/base/dtype.h"
#include "runtime/base/errors.h"

namespace dcgan::cpu {

const dnnl::engine& dnnl_engine();
dnnl::memory::data_type dnnl_type(DType dtype);
/// Scratch from the caller, and float32 that stays float32.
dnnl::primitive_attr dnnl_attributes();

/// A primitive and the memory objects of its arguments. Made once; running it allocates nothing.
class DnnlCall {
 public:
  struct Argument {
    int name;  // DNNL_ARG_...
    dnnl::memory::desc description;
  };

  DnnlCall() = default;
  /// The scratchpad is added to the arguments, last.
  DnnlCall(const dnnl::primitive& primitive, std::initializer_list<Argument> arguments,
           const dnnl::memory::desc& scratchpad);

  bool empty() const { return arguments_.empty(); }
  std::size_t scratchpad_bytes() const { return scratchpad_bytes_; }
  /// data: one pointer an argument, in the order of the constructor. Waits for the result.
  void run(std::initializer_list<const void*> data, std::byte* scratchpad);

 private:
  dnnl::primitive primitive_;
  dnnl::stream stream_;  // of the CPU: work runs in the calling thread
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
  std::size_t scratchpad_bytes_ = 0;
};

enum class Result { overwrite, accumulate };
/// result = left x right, or result += left x right; arguments in the order left, right, result.
DnnlCall make_product(const dnnl::memory::desc& left, const dnnl::memory::desc& right,
                      const dnnl::memory::desc& result, Result kind = Result::overwrite);

/// Runs body and turns dnnl::error into Error(internal) that begins with `what`.
template <class Body>
decltype(auto) with_dnnl_errors(const std::string& what, const Body& body) {
  try {
    return body();
  } catch (const dnnl::error& error) {
    fail(ErrorKind::internal, "{}: oneDNN: {} (status {})", what, error.message,
         static_cast<int>(error.status));
  }
}

}  // namespace dcgan::cpu

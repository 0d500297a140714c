#include "kernels/common/checks.h"

#include <algorithm>
#include <functional>
#include <string>

namespace dcgan::checks {
namespace {

bool overlap(const ConstTensorView& a, const ConstTensorView& b) {
  const std::less<const std::byte*> before;
  const auto* a_begin = static_cast<const std::byte*>(a.data);
  const auto* b_begin = static_cast<const std::byte*>(b.data);
  return before(a_begin, b_begin + b.bytes()) && before(b_begin, a_begin + a.bytes());
}

void present(const char* operation, const char* argument, const ConstTensorView& view) {
  DCGAN_CHECK(!view.empty() || view.elements() == 0, "{}: {} is missing", operation, argument);
}

}  // namespace

void shape(const char* operation, const char* argument, const ConstTensorView& view,
           const Shape& wanted) {
  present(operation, argument, view);
  DCGAN_CHECK(view.shape == wanted, "{}: {} has shape {}, expected {}", operation, argument,
              to_string(view.shape), to_string(wanted));
}

void elements(const char* operation, const char* argument, const ConstTensorView& view,
              std::int64_t wanted) {
  present(operation, argument, view);
  DCGAN_CHECK(view.elements() == wanted, "{}: {} has {} elements, expected {}", operation, argument,
              view.elements(), wanted);
}

void dtype(const char* operation, const char* argument, const ConstTensorView& view,
           std::initializer_list<DType> wanted) {
  if (std::find(wanted.begin(), wanted.end(), view.dtype) != wanted.end()) return;
  std::string names;
  for (const DType each : wanted) {
    names += names.empty() ? "" : " or ";
    names += name_of(each);
  }
  fail(ErrorKind::internal, "{}: {} holds {}, expected {}", operation, argument,
       name_of(view.dtype), names);
}

void tensor(const char* operation, const char* argument, const ConstTensorView& view,
            DType wanted_dtype, const Shape& wanted_shape) {
  if (view.dtype != wanted_dtype) dtype(operation, argument, view, {wanted_dtype});
  shape(operation, argument, view, wanted_shape);
}

void workspace(const char* operation, std::string_view what, const ConstTensorView& view,
               std::size_t needed) {
  const std::size_t bytes = view.empty() ? 0 : view.bytes();
  DCGAN_CHECK(bytes >= needed, "{}: workspace has {} bytes, {} needs {}", operation, bytes, what,
              needed);
}

void disjoint(const char* operation, const char* argument, const ConstTensorView& view,
              const char* other_argument, const ConstTensorView& other) {
  DCGAN_CHECK(!overlap(view, other), "{}: {} and {} share memory", operation, argument,
              other_argument);
}

void same_or_disjoint(const char* operation, const char* argument, const ConstTensorView& view,
                      const char* other_argument, const ConstTensorView& other) {
  const bool same = view.data == other.data && view.bytes() == other.bytes();
  DCGAN_CHECK(same || !overlap(view, other), "{}: {} and {} overlap in part", operation, argument,
              other_argument);
}

}  // namespace dcgan::checks

#include "runtime/io/npy.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <string>

#include "runtime/base/errors.h"
#include "runtime/io/files.h"

namespace dcgan {
namespace {

static_assert(std::endian::native == std::endian::little, "values are written as they lie");

const char* numpy_type_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "<f4";
    case DType::f64:
      return "<f8";
    case DType::u8:
      return "|u1";
    case DType::i32:
      return "<i4";
    case DType::i64:
      return "<i8";
    case DType::bf16:
      break;
  }
  fail(ErrorKind::internal, "npy: NumPy has no type for {}", name_of(dtype));
}

// A Python tuple: "()", "(3,)", "(3, 4)".
std::string tuple_of(const Shape& shape) {
  std::string text = "(";
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) text += ", ";
    text += fmt::format("{}", shape[axis]);
  }
  return text + (shape.rank() == 1 ? ",)" : ")");
}

std::string header_of(ConstTensorView tensor) {
  constexpr std::size_t kPrefix = 10;  // magic, version, length
  std::string dictionary = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}",
                                       numpy_type_of(tensor.dtype), tuple_of(tensor.shape));
  // The data begin at a multiple of 64, the header ends in a newline.
  dictionary.append(63 - (kPrefix + dictionary.size()) % 64, ' ');
  dictionary += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dictionary.size() & 0xff);
  header += static_cast<char>(dictionary.size() >> 8);
  return header + dictionary;
}

}  // namespace

void write_npy(const std::filesystem::path& path, ConstTensorView tensor) {
  const std::string header = header_of(tensor);
  const std::array parts{std::as_bytes(std::span(header)),
                         std::span(static_cast<const std::byte*>(tensor.data), tensor.bytes())};
  write_parts_atomically(path, parts);
}

}  // namespace dcgan

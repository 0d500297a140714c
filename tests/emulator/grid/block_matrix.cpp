// A warp's matrix operations: products on tensor cores and ldmatrix, in the fragment layouts of the
// PTX manual (kernels/common/cuda/tensor_core.h repeats them).
#include <cmath>
#include <cstring>

#include "runtime/base/errors.h"
#include "tests/emulator/grid/block.h"
#include "tests/emulator/grid/thread_order.h"

namespace dcgan::emulator {
namespace {

constexpr int kRows = 16;                // of A and of the sums
constexpr int kColumns = 8;              // of B and of the sums
constexpr int kMaxDepth = 16;            // columns of A: 16 in bf16, 8 in tf32
constexpr std::uint64_t kSalt = 0x7e45;  // its own random order

struct Product {
  float a[kMaxDepth][kRows];  // transposed: the loop over rows is the inner one
  float b[kMaxDepth][kColumns];
  float sum[kRows][kColumns];
};

float as_float(std::uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

float bf16_at(std::uint32_t word, int half) {
  return as_float(half == 0 ? word << 16 : word & 0xffff0000u);
}

// In both types word i of A belongs to row g + 8 (i % 2), word i of B to column g; the depth grows
// with i / 2 of A and with i of B.
void place_bf16(Product& product, const MultiplyOperands& lane, int g, int t) {
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 4; ++i) {
      product.a[2 * t + half + 8 * (i / 2)][g + 8 * (i % 2)] = bf16_at(lane.a[i], half);
    }
    for (int i = 0; i < 2; ++i) product.b[2 * t + half + 8 * i][g] = bf16_at(lane.b[i], half);
  }
}

void place_tf32(Product& product, const MultiplyOperands& lane, int g, int t) {
  for (int i = 0; i < 4; ++i) product.a[t + 4 * (i / 2)][g + 8 * (i % 2)] = as_float(lane.a[i]);
  for (int i = 0; i < 2; ++i) product.b[t + 4 * i][g] = as_float(lane.b[i]);
}

/// Is this a value that to_tf32() gives? The hardware ignores the low bits, so it would truncate.
bool is_tf32(std::uint32_t word) { return (word & 0x1fffu) == 0 || std::isnan(as_float(word)); }

bool all_tf32(const MultiplyOperands& lane) {
  for (int i = 0; i < 4; ++i) {
    if (!is_tf32(lane.a[i]) || !is_tf32(lane.b[i % 2])) return false;
  }
  return true;
}

/// Adds products[k] over the depth and the old sum, which is the last index of `order`. Sanitizers
/// leave it out: it is most of a test's time and touches nothing but its argument.
__attribute__((no_sanitize("address,undefined"))) void add_products(
    Product& product, int depth, const std::vector<std::uint32_t>& order) {
  float sum[kRows][kColumns] = {};
  const std::uint32_t* terms = order.data();
  for (int i = 0; i <= kMaxDepth; ++i) {
    const int k = static_cast<int>(terms[i]);
    if (k < kMaxDepth && k >= depth) continue;
    for (int row = 0; row < kRows; ++row) {
      const float factor = k == kMaxDepth ? 1.0f : product.a[k][row];
      const float* others = k == kMaxDepth ? product.sum[row] : product.b[k];
      for (int column = 0; column < kColumns; ++column) {
        sum[row][column] += factor * others[column];
      }
    }
  }
  std::memcpy(product.sum, sum, sizeof sum);
}

float* sum_at(Product& product, int lane, int i) {
  return &product.sum[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2];
}

}  // namespace

std::uint32_t round_to_tf32(float value) {
  if (std::isnan(value)) return 0x7fffffffu;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return (bits + 0x1000u) & ~0x1fffu;  // ties away from zero; an infinity keeps its bits
}

// When all lanes of a warp operation have arrived.
void Block::matrix_operation(std::uint32_t first_lane) {
  switch (const WarpOperation operation = threads_[current_].call.operation; operation) {
    case WarpOperation::mma_bf16:
    case WarpOperation::mma_tf32:
      return multiply(first_lane, operation);
    case WarpOperation::load_matrix:
    case WarpOperation::load_matrix_transposed:
      return load_matrices(first_lane, operation == WarpOperation::load_matrix_transposed);
    default:
      return;
  }
}

void Block::multiply(std::uint32_t first_lane, WarpOperation operation) {
  if (addends_.empty()) addends_ = permutation(kMaxDepth + 1, kSalt + index_.x);
  const bool low = operation == WarpOperation::mma_bf16;
  const auto operands = [&](int lane) {
    return static_cast<const MultiplyOperands*>(threads_[first_lane + lane].call.operands);
  };
  Product product;
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    const MultiplyOperands& own = *operands(lane);
    if (!low && !all_tf32(own)) {
      report(fmt::format("mma_tf32 at {}: {} brings an operand that to_tf32() did not round",
                         to_string(threads_[current_].call.site), describe(first_lane + lane)));
    }
    (low ? place_bf16 : place_tf32)(product, own, lane / 4, lane % 4);
    for (int i = 0; i < 4; ++i) *sum_at(product, lane, i) = own.sum[i];
  }
  add_products(product, low ? 16 : 8, addends_);
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    for (int i = 0; i < 4; ++i) operands(lane)->sum[i] = *sum_at(product, lane, i);
  }
}

void Block::load_matrices(std::uint32_t first_lane, bool transposed) {
  const auto operands = [&](int lane) {
    return static_cast<MatrixOperands*>(threads_[first_lane + lane].call.operands);
  };
  const auto value = [&](int matrix, int row, int column) {
    const std::uint32_t word = operands(8 * matrix + row)->row[column / 2];
    return column % 2 == 0 ? word & 0xffffu : word >> 16;
  };
  for (int lane = 0; lane < kWarpLanes; ++lane) {
    const int g = lane / 4;
    const int t = lane % 4;
    for (int i = 0; i < operands(lane)->matrices; ++i) {
      operands(lane)->word[i] = transposed ? value(i, 2 * t, g) | value(i, 2 * t + 1, g) << 16
                                           : value(i, g, 2 * t) | value(i, g, 2 * t + 1) << 16;
    }
  }
}

}  // namespace dcgan::emulator

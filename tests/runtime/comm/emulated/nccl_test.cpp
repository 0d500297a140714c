// NCCL's ranks on emulated GPUs: results of every operation, barriers, what stays behind.
#include <algorithm>
#include <atomic>
#include <cmath>

#include "tests/runtime/comm/emulated/nccl_ranks.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

constexpr int kWorlds[] = {1, 2, 3, 8};
constexpr std::int64_t kCount = 37;

// Small multiples of a quarter: sums of eight are exact in float32.
double value_at(int rank, std::int64_t i, DType dtype) {
  const auto whole = static_cast<double>((rank * 31 + i * 17) % 23);
  if (dtype == DType::u8) return whole;
  return dtype == DType::i32 || dtype == DType::i64 ? whole - 11 : whole - 11 + 0.25 * rank;
}

void store(std::byte* at, std::int64_t i, DType dtype, double value) {
  switch (dtype) {
    case DType::f32:
      reinterpret_cast<float*>(at)[i] = static_cast<float>(value);
      break;
    case DType::bf16:
      reinterpret_cast<bf16*>(at)[i] = bf16(static_cast<float>(value));
      break;
    case DType::f64:
      reinterpret_cast<double*>(at)[i] = value;
      break;
    case DType::u8:
      reinterpret_cast<std::uint8_t*>(at)[i] = static_cast<std::uint8_t>(value);
      break;
    case DType::i32:
      reinterpret_cast<std::int32_t*>(at)[i] = static_cast<std::int32_t>(value);
      break;
    case DType::i64:
      reinterpret_cast<std::int64_t*>(at)[i] = static_cast<std::int64_t>(value);
      break;
  }
}

// The bytes of f(0), f(1), ...
template <class Value>
std::vector<std::byte> bytes_of(std::int64_t count, DType dtype, const Value& value) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count) * size_of(dtype));
  for (std::int64_t i = 0; i < count; ++i) store(bytes.data(), i, dtype, value(i));
  return bytes;
}

Buffer uploaded(const Context& context, const std::vector<std::byte>& bytes) {
  Buffer buffer(context, bytes.size());
  const auto size = static_cast<std::int64_t>(bytes.size());
  upload(context, {bytes.data(), {size}, DType::u8}, {buffer.data(), {size}, DType::u8});
  return buffer;
}

std::vector<std::byte> downloaded(const Context& context, const Buffer& buffer) {
  std::vector<std::byte> bytes(buffer.bytes());
  const auto size = static_cast<std::int64_t>(bytes.size());
  download(context, {buffer.data(), {size}, DType::u8}, {bytes.data(), {size}, DType::u8});
  return bytes;
}

double reduced(int world, std::int64_t i, DType dtype, ReduceOp op) {
  double result = value_at(0, i, dtype);
  for (int rank = 1; rank < world; ++rank) {
    const double next = value_at(rank, i, dtype);
    result = op == ReduceOp::sum   ? result + next
             : op == ReduceOp::min ? std::min(result, next)
                                   : std::max(result, next);
  }
  return result;
}

void require_equal(const std::vector<std::byte>& given, const std::vector<std::byte>& wanted,
                   const std::string& what) {
  DCGAN_CHECK(given == wanted, "{}: other bytes than expected", what);
}

}  // namespace

TEST_CASE("reductions of every type give the sum, minimum and maximum over the ranks") {
  for (const int world : kWorlds) {
    reset_ranks(world, 1);
    const std::string wrong = failures(run_ranks(world, {}, [](const Rank& rank) {
      for (const DType dtype : {DType::f32, DType::bf16, DType::f64, DType::i32, DType::i64}) {
        for (const ReduceOp op : {ReduceOp::sum, ReduceOp::min, ReduceOp::max}) {
          const Buffer values = uploaded(rank.context, bytes_of(kCount, dtype, [&](std::int64_t i) {
                                           return value_at(rank.index, i, dtype);
                                         }));
          rank.communicator.all_reduce(rank.context, view(values, dtype), op);
          require_equal(downloaded(rank.context, values),
                        bytes_of(kCount, dtype,
                                 [&](std::int64_t i) { return reduced(rank.world, i, dtype, op); }),
                        fmt::format("{} {}", name_of(dtype), static_cast<int>(op)));
        }
      }
    }));
    CAPTURE(world);
    CHECK(wrong == "");
  }
}

TEST_CASE("a broadcast gives every rank the root's values, a gather those of all ranks") {
  for (const int world : kWorlds) {
    reset_ranks(world, 2);
    const std::string wrong = failures(run_ranks(world, {}, [](const Rank& rank) {
      for (const DType dtype :
           {DType::f32, DType::bf16, DType::f64, DType::u8, DType::i32, DType::i64}) {
        const auto of_rank = [&](int index) {
          return bytes_of(kCount, dtype, [&](std::int64_t i) { return value_at(index, i, dtype); });
        };
        const Buffer own = uploaded(rank.context, of_rank(rank.index));
        const Buffer all(rank.context, own.bytes() * static_cast<std::size_t>(rank.world));
        rank.communicator.all_gather(rank.context, view(own, dtype), view(all, dtype));
        std::vector<std::byte> wanted;
        for (int index = 0; index < rank.world; ++index) {
          const std::vector<std::byte> part = of_rank(index);
          wanted.insert(wanted.end(), part.begin(), part.end());
        }
        require_equal(downloaded(rank.context, all), wanted, "all_gather");
        const TensorView whole = view(all, dtype);
        rank.communicator.all_gather(rank.context, whole.rows(rank.index * kCount, kCount), whole);
        require_equal(downloaded(rank.context, all), wanted, "all_gather in place");
        const int root = rank.world - 1;
        rank.communicator.broadcast(rank.context, view(own, dtype), root);
        require_equal(downloaded(rank.context, own), of_rank(root), "broadcast");
      }
    }));
    CAPTURE(world);
    CHECK(wrong == "");
  }
}

TEST_CASE("a barrier waits for the last rank, and not for the work on streams") {
  reset_ranks(3, 1);
  std::atomic<int> before{0};
  const std::string wrong = failures(run_ranks(3, {}, [&](const Rank& rank) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50 * rank.index));
    ++before;
    rank.communicator.barrier();
    DCGAN_CHECK(before == 3, "passed when {} ranks had come", before.load());
  }));
  CHECK(wrong == "");
}

TEST_CASE("ranks leave nothing behind, and say what connects them") {
  const emulator::Live before = emulator::live();
  for (const int world : kWorlds) {
    reset_ranks(world, 1);
    const std::string wrong = failures(run_ranks(world, {}, [](const Rank& rank) {
      const Buffer x = filled(rank.context, 3, 1);
      for (int i = 0; i < 5; ++i) {
        rank.communicator.all_reduce(rank.context, view(x), ReduceOp::sum);
        rank.communicator.watch(rank.context);
      }
      rank.context.synchronize();
      rank.communicator.barrier();
      DCGAN_CHECK(rank.communicator.describe().starts_with("NCCL 2."), "{}",
                  rank.communicator.describe());
    }));
    CHECK(wrong == "");
    CHECK(emulator::live() == before);
  }
}

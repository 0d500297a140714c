// Collectives of ranks over TCP.
#include <cmath>
#include <cstring>

#include "runtime/comm/tcp/frame.h"
#include "tests/runtime/comm/connected.h"

using namespace dcgan;
using namespace dcgan::test;

namespace {

// Value i of a rank, small and exact in every type.
double value_of(int rank, std::int64_t i) {
  return static_cast<double>((i * 7 + rank * 3) % 11) - 5;
}

template <class T>
void check_reductions(int size, std::int64_t count) {
  std::vector<std::vector<T>> results(static_cast<std::size_t>(3 * size));
  const auto failures = on_ranks(size, 20, [&](Communicator& ranks) {
    const Context context{Device{}};
    for (const ReduceOp op : {ReduceOp::sum, ReduceOp::min, ReduceOp::max}) {
      std::vector<T> values(static_cast<std::size_t>(count));
      for (std::int64_t i = 0; i < count; ++i) {
        const double value = value_of(ranks.rank(), i);
        if constexpr (std::is_same_v<T, bf16>) {
          values[static_cast<std::size_t>(i)] = bf16(static_cast<float>(value));
        } else {
          values[static_cast<std::size_t>(i)] = static_cast<T>(value);
        }
      }
      ranks.all_reduce(context, TensorView(values.data(), {count}), op);
      results[static_cast<std::size_t>(3 * ranks.rank() + static_cast<int>(op))] = values;
    }
    ranks.finish();
  });
  REQUIRE(failures == none(size));
  for (int rank = 0; rank < size; ++rank) {
    for (int op = 0; op < 3; ++op) {
      const std::vector<T>& found = results[static_cast<std::size_t>(3 * rank + op)];
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < count; ++i) {
        double expected = value_of(0, i);
        for (int other = 1; other < size; ++other) {
          const double value = value_of(other, i);
          expected = op == 0   ? expected + value
                     : op == 1 ? std::min(expected, value)
                               : std::max(expected, value);
        }
        const auto value =
            static_cast<double>(static_cast<float>(found[static_cast<std::size_t>(i)]));
        wrong += value != expected;
      }
      CHECK(wrong == 0);
    }
  }
}

}  // namespace

TEST_CASE("TCP ranks reduce every type, few and many values") {
  for (const int size : {2, 3, 5}) {
    for (const std::int64_t count : {1, 2, 7, 2048, 2049, 100'003}) {
      CAPTURE(size, count);
      check_reductions<float>(size, count);
    }
    check_reductions<double>(size, 5000);
    check_reductions<bf16>(size, 9001);  // sums of at most 25: exact
    check_reductions<std::int32_t>(size, 5000);
    check_reductions<std::int64_t>(size, 5000);
  }
}

TEST_CASE("TCP ranks end with the same bytes, the same each time") {
  std::vector<std::vector<float>> results(8);
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto failures = on_ranks(4, 20, [&](Communicator& ranks) {
      const Context context{Device{}};
      std::vector<float> values(10'007);
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = std::sin(static_cast<float>(i) * 0.1f + static_cast<float>(ranks.rank()));
      }
      ranks.all_reduce(context, TensorView(values.data(), {10'007}), ReduceOp::sum);
      results[static_cast<std::size_t>(4 * repeat + ranks.rank())] = values;
      ranks.finish();
    });
    REQUIRE(failures == none(4));
  }
  for (const std::vector<float>& one : results) CHECK(one == results[0]);
}

TEST_CASE("TCP ranks broadcast, gather and wait for each other") {
  for (const int size : {1, 2, 3, 8}) {
    CAPTURE(size);
    std::vector<int> wrong(static_cast<std::size_t>(size));
    const auto failures = on_ranks(size, 20, [&](Communicator& ranks) {
      const Context context{Device{}};
      int& own = wrong[static_cast<std::size_t>(ranks.rank())];
      const std::int64_t count = 300'001;  // more than one block, not a multiple
      for (int root = 0; root < size; ++root) {
        std::vector<std::uint8_t> values(count, static_cast<std::uint8_t>(ranks.rank()));
        ranks.broadcast(context, TensorView(values.data(), {count}, DType::u8), root);
        for (const std::uint8_t value : values) own += value != root;
      }
      const std::vector<float> part(5, static_cast<float>(ranks.rank()));
      std::vector<float> all(static_cast<std::size_t>(5 * size));
      ranks.all_gather(context, ConstTensorView(part.data(), {5}),
                       TensorView(all.data(), {5 * size}));
      for (int i = 0; i < 5 * size; ++i) {
        own += all[static_cast<std::size_t>(i)] != static_cast<float>(i / 5);
      }
      ranks.barrier();
      ranks.finish();
    });
    CHECK(failures == none(size));
    CHECK(wrong == std::vector<int>(static_cast<std::size_t>(size)));
  }
}

TEST_CASE("64 TCP ranks start and end") {
  CHECK(on_ranks(64, 60, [](Communicator& ranks) {
          ranks.barrier();
          ranks.finish();
        }) == none(64));
}

TEST_CASE("frames that are no frames are seen") {
  CHECK(frame_length(frame_of("abc")) == 3);
  CHECK(frame_length("GET / HTTP/1.1") == -1);
  std::string huge = frame_of("");
  huge[11] = '\x7f';
  CHECK(frame_length(huge) == -1);
  CHECK(number_of("12") == 12);
  CHECK(number_of("-1") == -1);
  CHECK(number_of("12x") == -1);
  CHECK(lines_of(joined_lines({"a", "b\nc"})) == std::vector<std::string>{"a", "b c"});
}

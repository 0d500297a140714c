#include <array>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "runtime/base/host_tensor.h"
#include "tests/runtime/comm/mpi/session.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;
using test::mpi_session;

namespace {

std::unique_ptr<Communicator> connect(double timeout_seconds = test::kTimeoutSeconds) {
  return connect_mpi(mpi_session(), Context{Device{}}, timeout_seconds);
}

// Whole numbers, so that every sum is exact in every type.
double value_of(int rank, std::int64_t i) {
  return static_cast<double>((i * 7 + rank * 5) % 11) - static_cast<double>(rank);
}

double reduced(ReduceOp op, int ranks, std::int64_t i) {
  double result = value_of(0, i);
  for (int rank = 1; rank < ranks; ++rank) {
    const double one = value_of(rank, i);
    if (op == ReduceOp::sum) result += one;
    if (op == ReduceOp::min) result = std::min(result, one);
    if (op == ReduceOp::max) result = std::max(result, one);
  }
  return result;
}

template <class T>
std::vector<T> values_of(int rank, std::int64_t count) {
  std::vector<T> values;
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(static_cast<T>(static_cast<float>(value_of(rank, i))));
  }
  return values;
}

template <class T>
TensorView view_of(std::vector<T>& values) {
  return TensorView(values.data(), {static_cast<std::int64_t>(values.size())});
}

constexpr std::array kAllTypes{DType::f32, DType::bf16, DType::f64,
                               DType::u8,  DType::i32,  DType::i64};

std::vector<std::byte> bytes_of(int rank, std::size_t count) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < count; ++i) {
    bytes.push_back(static_cast<std::byte>((i * 31 + static_cast<std::size_t>(rank) * 17) % 251));
  }
  return bytes;
}

template <class T>
std::int64_t wrong_after_all_reduce(Communicator& ranks, ReduceOp op, std::int64_t count) {
  std::vector<T> values = values_of<T>(ranks.rank(), count);
  ranks.all_reduce(Context{Device{}}, view_of(values), op);
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto got = static_cast<double>(static_cast<float>(values[static_cast<std::size_t>(i)]));
    if (got != reduced(op, ranks.size(), i)) ++wrong;
  }
  return wrong;
}

}  // namespace

// Up to 16 ranks: the sums are whole numbers below 256, which bf16 holds exactly.
TEMPLATE_TEST_CASE("MPI ranks reduce every type with every operation at every size", "", float,
                   double, bf16, std::int32_t, std::int64_t) {
  const auto ranks = connect();
  for (const ReduceOp op : {ReduceOp::sum, ReduceOp::min, ReduceOp::max}) {
    for (const std::int64_t count : {0, 1, 2, 3, 7, 1000, 16'385, 100'003}) {
      CAPTURE(static_cast<int>(op), count);
      CHECK(wrong_after_all_reduce<TestType>(*ranks, op, count) == 0);
    }
  }
  ranks->finish();
}

TEST_CASE("MPI ranks all have the same bits of a sum that rounds, call after call") {
  const auto ranks = connect();
  const Context context{Device{}};
  for (const std::int64_t count : {5, 30'001}) {
    std::vector<std::vector<float>> sums(2);
    for (std::vector<float>& sum : sums) {
      for (std::int64_t i = 0; i < count; ++i) {
        const auto number = static_cast<float>(i + 1);
        sum.push_back(std::sin(number * static_cast<float>(ranks->rank() + 1)) / number);
      }
      ranks->all_reduce(context, view_of(sum), ReduceOp::sum);
    }
    CHECK(sums[0] == sums[1]);
    std::vector<float> all(static_cast<std::size_t>(count * ranks->size()));
    ranks->all_gather(context, view_of(sums[0]), view_of(all));
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] != sums[0][i % sums[0].size()]) FAIL("element " << i << " differs");
    }
  }
  ranks->finish();
}

TEST_CASE("integer sums of MPI ranks wrap, and a NaN of one rank is every rank's") {
  const auto ranks = connect();
  const Context context{Device{}};
  std::vector<std::int64_t> sum{std::numeric_limits<std::int64_t>::max()};
  ranks->all_reduce(context, view_of(sum), ReduceOp::sum);
  CHECK(sum[0] == std::numeric_limits<std::int64_t>::max() * (ranks->size() % 2) -
                      static_cast<std::int64_t>(ranks->size() - ranks->size() % 2));
  for (const ReduceOp op : {ReduceOp::min, ReduceOp::max}) {
    for (int odd_rank = 0; odd_rank < ranks->size(); ++odd_rank) {
      CAPTURE(static_cast<int>(op), odd_rank);
      const bool is_odd = ranks->rank() == odd_rank;
      std::vector<float> value{is_odd ? std::numeric_limits<float>::quiet_NaN() : 1.0f};
      ranks->all_reduce(context, view_of(value), op);
      CHECK(std::isnan(value[0]));
    }
  }
  ranks->finish();
}

TEST_CASE("MPI ranks broadcast every type from every root") {
  const auto ranks = connect();
  for (const DType dtype : kAllTypes) {
    for (const std::int64_t count : {1, 5, 70'001}) {
      for (int root = 0; root < ranks->size(); ++root) {
        CAPTURE(name_of(dtype), count, root);
        const std::size_t bytes = static_cast<std::size_t>(count) * size_of(dtype);
        std::vector<std::byte> values = bytes_of(ranks->rank(), bytes);
        ranks->broadcast(Context{Device{}}, {values.data(), {count}, dtype}, root);
        CHECK((values == bytes_of(root, bytes)));
      }
    }
  }
  ranks->finish();
}

TEST_CASE("MPI ranks gather every type, in place or not") {
  const auto ranks = connect();
  const Context context{Device{}};
  for (const DType dtype : kAllTypes) {
    for (const std::int64_t count : {1, 5, 70'001}) {
      CAPTURE(name_of(dtype), count);
      const std::size_t bytes = static_cast<std::size_t>(count) * size_of(dtype);
      std::vector<std::byte> expected;
      for (int rank = 0; rank < ranks->size(); ++rank) {
        const std::vector<std::byte> part = bytes_of(rank, bytes);
        expected.insert(expected.end(), part.begin(), part.end());
      }
      std::vector<std::byte> part = bytes_of(ranks->rank(), bytes);
      std::vector<std::byte> all(expected.size());
      const TensorView to(all.data(), {count * ranks->size()}, dtype);
      ranks->all_gather(context, TensorView(part.data(), {count}, dtype), to);
      CHECK((all == expected));

      std::fill(all.begin(), all.end(), std::byte{});
      const TensorView own = to.rows(ranks->rank() * count, count);
      std::memcpy(own.data, part.data(), bytes);
      ranks->all_gather(context, own, to);
      CHECK((all == expected));
    }
  }
  ranks->finish();
}

TEST_CASE("nobody leaves a barrier of MPI ranks before all have come") {
  using Clock = std::chrono::steady_clock;
  const auto ranks = connect();
  ranks->barrier();  // all begin to count at about the same time
  const Clock::time_point begun = Clock::now();
  if (ranks->rank() == ranks->size() - 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  ranks->barrier();
  CHECK(Clock::now() - begun > std::chrono::milliseconds(100));
  ranks->finish();
}

TEST_CASE("rank 0's text reaches every MPI rank") {
  const bool is_first = mpi_session()->shard().rank == 0;
  CHECK(mpi_session()->broadcast(is_first ? "10.1.2.3:4567" : "not read") == "10.1.2.3:4567");
  CHECK(mpi_session()->broadcast(is_first ? "" : "not read").empty());
  const std::string longest(MpiSession::kLongestText, 'x');
  CHECK(mpi_session()->broadcast(is_first ? longest : "") == longest);
  if (is_first) {
    DCGAN_CHECK_FAILS(mpi_session()->broadcast(longest + "x"), ErrorKind::internal, "1024 bytes");
  }
}

TEST_CASE("several communicators of MPI ranks do not meet each other's calls") {
  const auto first = connect();
  const auto second = connect();
  const Context context{Device{}};
  std::vector<float> one{1};
  std::vector<float> two{2};
  const auto reduce = [&](Communicator& ranks, std::vector<float>& values) {
    ranks.all_reduce(context, view_of(values), ReduceOp::sum);
  };
  reduce(*first, one);
  reduce(*second, two);
  CHECK(one[0] == static_cast<float>(first->size()));
  CHECK(two[0] == 2 * static_cast<float>(first->size()));
  first->finish();
  second->finish();
}

TEST_CASE("an MPI communicator says what connects the ranks, and takes no GPU") {
  const auto ranks = connect();
  CHECK(shard_of(*ranks) == test::mpi_launch().shard);
  CHECK(ranks->describe() == mpi_library());
  CHECK_THAT(ranks->describe(), Contains("MPI") && Contains("."));
  ranks->finish();
  ranks->finish();  // has been done: does not wait
}

TEST_CASE("the names of MPI libraries are short") {
  CHECK(short_library_name("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4, repo rev") ==
        "Open MPI 4.1.4");
  CHECK(short_library_name("MPICH Version:      4.0.2\nMPICH Release date: Thu Apr  7") ==
        "MPICH 4.0.2");
  CHECK(short_library_name("Intel(R) MPI Library 2021.6 for Linux* OS\n") ==
        "Intel(R) MPI Library 2021.6");
  CHECK(short_library_name("MVAPICH2 Version      :\t2.3.7\nother") == "MVAPICH2 2.3.7");
  CHECK(short_library_name("something else\nmore") == "something else");
}

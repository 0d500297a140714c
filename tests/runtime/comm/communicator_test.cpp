#include "runtime/comm/communicator.h"

#include <string>
#include <vector>

#include "runtime/comm/local_communicator.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_folder.h"

using namespace dcgan;

namespace {

// Notes what reaches an implementation, as rank 1 of 3.
class RecordingCommunicator final : public Communicator {
 public:
  explicit RecordingCommunicator(Shard shard = {1, 3}) : Communicator(shard) {}
  std::vector<std::string> calls;
  std::string describe() const override { return "recorded"; }

 private:
  void do_all_reduce(const Context&, TensorView, ReduceOp) override { calls.push_back("reduce"); }
  void do_broadcast(const Context&, TensorView, int) override { calls.push_back("broadcast"); }
  void do_all_gather(const Context&, ConstTensorView, TensorView) override {
    calls.push_back("gather");
  }
  void do_barrier() override { calls.push_back("barrier"); }
  void do_abort() noexcept override { calls.push_back("abort"); }
};

TensorView floats(std::vector<float>& values) {
  return {values.data(), {static_cast<std::int64_t>(values.size())}, DType::f32};
}

}  // namespace

TEST_CASE("a shard is valid from rank 0 to the last of its world") {
  CHECK_NOTHROW(require_valid(Shard{}));
  CHECK_NOTHROW(require_valid(Shard{2, 3}));
  DCGAN_CHECK_FAILS(require_valid(Shard{3, 3}), ErrorKind::internal, "rank 3 of a world of 3");
  DCGAN_CHECK_FAILS(require_valid(Shard{-1, 3}), ErrorKind::internal, "rank -1 of a world of 3");
  DCGAN_CHECK_FAILS(require_valid(Shard{0, 0}), ErrorKind::internal, "rank 0 of a world of 0");
}

TEST_CASE("a communicator returns its shard, and refuses one that is not valid") {
  CHECK(shard_of(RecordingCommunicator()) == Shard{1, 3});
  CHECK(shard_of(LocalCommunicator()) == Shard{0, 1});
  DCGAN_CHECK_FAILS(RecordingCommunicator(Shard{4, 2}), ErrorKind::internal, "rank 4");
}

TEST_CASE("in a world of one a reduction and a broadcast change nothing") {
  const Context context{Device{}};
  LocalCommunicator one;
  std::vector<float> values{1, -2, 3};
  for (const ReduceOp op : {ReduceOp::sum, ReduceOp::min, ReduceOp::max}) {
    one.all_reduce(context, floats(values), op);
  }
  one.broadcast(context, floats(values), 0);
  one.barrier();
  CHECK(values == std::vector<float>{1, -2, 3});
}

TEST_CASE("in a world of one a gather copies, also when it is in place") {
  const Context context{Device{}};
  LocalCommunicator one;
  std::vector<float> from{1, -2, 3};
  std::vector<float> to(3);
  one.all_gather(context, floats(from), floats(to));
  CHECK(to == from);
  one.all_gather(context, floats(to), floats(to));
  CHECK(to == from);
}

TEST_CASE("arguments of collectives are checked before an implementation gets them") {
  const Context context{Device{}};
  RecordingCommunicator three;
  std::vector<float> two_values(2);
  std::vector<float> five_values(5);
  std::vector<std::uint8_t> bytes(6);
  const TensorView nowhere(nullptr, {4}, DType::f32);
  DCGAN_CHECK_FAILS(three.all_reduce(context, nowhere, ReduceOp::sum), ErrorKind::internal,
                    "all_reduce: no memory for f32 [4]");
  DCGAN_CHECK_FAILS(
      three.all_reduce(context, TensorView(bytes.data(), {6}, DType::u8), ReduceOp::sum),
      ErrorKind::internal, "u8 has no reductions");
  DCGAN_CHECK_FAILS(three.broadcast(context, floats(two_values), 3), ErrorKind::internal,
                    "root 3 is none of 3 ranks");
  DCGAN_CHECK_FAILS(three.broadcast(context, floats(two_values), -1), ErrorKind::internal,
                    "root -1");
  DCGAN_CHECK_FAILS(three.all_gather(context, floats(two_values), floats(five_values)),
                    ErrorKind::internal, "f32 [2] of 3 ranks does not fit f32 [5]");
  DCGAN_CHECK_FAILS(
      three.all_gather(context, floats(two_values), TensorView(bytes.data(), {6}, DType::u8)),
      ErrorKind::internal, "does not fit u8 [6]");
  CHECK(three.calls.empty());
}

TEST_CASE("a gather in place takes the rank's own part of the result, and no other") {
  const Context context{Device{}};
  RecordingCommunicator three;  // rank 1
  std::vector<float> values(6);
  const TensorView all = floats(values);
  three.all_gather(context, all.rows(2, 2), all);
  CHECK(three.calls == std::vector<std::string>{"gather"});
  for (const std::int64_t first : {0, 1, 3, 4}) {
    CAPTURE(first);
    DCGAN_CHECK_FAILS(three.all_gather(context, all.rows(first, 2), all), ErrorKind::internal,
                      "overlap");
  }
}

TEST_CASE("collectives over no elements need no other rank") {
  const Context context{Device{}};
  RecordingCommunicator three;
  const TensorView nothing(nullptr, {0}, DType::f32);
  three.all_reduce(context, nothing, ReduceOp::sum);
  three.broadcast(context, nothing, 0);
  three.all_gather(context, nothing, nothing);
  CHECK(three.calls.empty());
}

TEST_CASE(
    "after an abort every collective fails with a lost peer, and a second abort does nothing") {
  const Context context{Device{}};
  RecordingCommunicator three;
  std::vector<float> two_values(2);
  std::vector<float> six_values(6);
  CHECK_FALSE(three.aborted());
  three.abort("rank 2 does not answer");
  three.abort("another reason");
  CHECK(three.aborted());
  DCGAN_CHECK_FAILS(three.all_reduce(context, floats(two_values), ReduceOp::sum),
                    ErrorKind::peer_lost, "all_reduce: rank 1 of 3: rank 2 does not answer");
  DCGAN_CHECK_FAILS(three.broadcast(context, floats(two_values), 0), ErrorKind::peer_lost,
                    "broadcast");
  DCGAN_CHECK_FAILS(three.all_gather(context, floats(two_values), floats(six_values)),
                    ErrorKind::peer_lost, "all_gather");
  DCGAN_CHECK_FAILS(three.barrier(), ErrorKind::peer_lost, "barrier");
  CHECK(three.calls == std::vector<std::string>{"abort"});
}

// NCCL with one rank, on a GPU where there is one: the real library, also inside a graph.
#include <numeric>
#include <vector>

#include "runtime/comm/nccl/nccl.h"
#include "runtime/device/graph.h"
#include "runtime/device/memory.h"
#include "tests/support/devices.h"

using namespace dcgan;

namespace {

constexpr std::int64_t kCount = 1000;
constexpr double kTimeoutSeconds = 60;

// Every collective that the engine makes, of one rank: none changes a value.
struct Collectives {
  explicit Collectives(const Context& on) : context(on) {
    std::iota(host.begin(), host.end(), -3.0f);
    upload(context, ConstTensorView(host.data(), {kCount}), view(values));
    upload(context, ConstTensorView(half.data(), {kCount}), view<bf16>(halves));
  }
  template <class T = float>
  static TensorView view(const Buffer& buffer) {
    return {reinterpret_cast<T*>(buffer.data()),
            {static_cast<std::int64_t>(buffer.bytes() / sizeof(T))}};
  }
  void enqueue(Communicator& communicator) const {
    communicator.all_reduce(context, view(values), ReduceOp::sum);
    communicator.all_reduce(context, view(values), ReduceOp::max);
    communicator.all_reduce(context, view<bf16>(halves), ReduceOp::sum);
    communicator.broadcast(context, view(values), 0);
    communicator.all_gather(context, view(values), view(gathered));
  }
  std::vector<float> result() const {
    std::vector<float> result(kCount);
    download(context, view(gathered), TensorView(result.data(), {kCount}));
    fill_zero(context, view(gathered));
    return result;
  }

  const Context& context;
  std::vector<float> host = std::vector<float>(kCount);
  std::vector<bf16> half = std::vector<bf16>(kCount, bf16(1));
  Buffer values{context, kCount * sizeof(float)};
  Buffer halves{context, kCount * sizeof(bf16)};
  Buffer gathered{context, kCount * sizeof(float)};
};

}  // namespace

TEST_CASE("one rank of NCCL leaves its values as they are, enqueued and in a graph") {
  for (const Device device : test::devices_under_test()) {
    if (!kHasNccl || device.type == DeviceType::cpu) continue;
    if constexpr (kHasNccl) {
      const Context context(device);
      const auto communicator = connect_nccl(context, {0, 1}, make_nccl_id(), kTimeoutSeconds);
      CHECK(communicator->describe().substr(0, 6) == "NCCL 2");
      CHECK(gpu_identity(context).find(" GPU-") != std::string::npos);
      const Collectives collectives(context);
      collectives.enqueue(*communicator);
      communicator->watch(context);
      CHECK(collectives.result() == collectives.host);
      {
        const Graph graph(context, [&] { collectives.enqueue(*communicator); });
        for (int replay = 0; replay < 3; ++replay) {
          graph.launch(context);
          communicator->watch(context);
          CHECK(collectives.result() == collectives.host);
        }
      }
      communicator->barrier();
      communicator->check();
      communicator->finish();
    }
  }
}

#include "tests/emulator/grid/thread_order.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string_view>

#include "runtime/base/errors.h"

namespace dcgan::emulator {
namespace {

struct Order {
  ThreadOrder kind = ThreadOrder::forward;
  std::uint64_t seed = 1;
};

Order order_of_environment() {
  const char* text = std::getenv("DCGAN_EMULATOR_ORDER");
  const std::string_view name = text == nullptr ? "forward" : text;
  if (name == "forward") return {};
  if (name == "reverse") return {ThreadOrder::reverse};
  if (name == "random") return {ThreadOrder::random};
  if (name.starts_with("random:")) {
    return {ThreadOrder::random, std::strtoull(text + 7, nullptr, 10)};
  }
  fail(ErrorKind::config, "DCGAN_EMULATOR_ORDER={}: want forward, reverse, random or random:SEED",
       name);
}

Order& current_order() {
  static Order order = order_of_environment();
  return order;
}

}  // namespace

void set_order(ThreadOrder order, std::uint64_t seed) { current_order() = {order, seed}; }

std::vector<std::uint32_t> permutation(std::uint32_t count, std::uint64_t salt) {
  std::vector<std::uint32_t> result(count);
  std::iota(result.begin(), result.end(), 0u);
  const Order& order = current_order();
  if (order.kind == ThreadOrder::reverse) std::reverse(result.begin(), result.end());
  if (order.kind == ThreadOrder::random) {
    std::mt19937_64 engine(order.seed * 0x9E3779B97F4A7C15ull + salt);
    std::shuffle(result.begin(), result.end(), engine);
  }
  return result;
}

}  // namespace dcgan::emulator

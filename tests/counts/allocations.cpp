#include "tests/counts/allocations.h"

#include <dlfcn.h>
#include <execinfo.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <sstream>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace dcgan::test {
namespace {

constexpr int kDepth = 24;  // oneDNN's deepest way from its door to an allocation is half of that
struct Stack {
  std::array<void*, kDepth> frames;
  int depth = 0;
};

std::array<Stack, 20000> stacks;  // beyond them, allocations are counted and blamed on the engine
std::atomic<std::int64_t> counted{0};
std::atomic<bool> counting{false};
thread_local bool inside = false;  // backtrace may allocate

void count_one() {
  if (!counting.load(std::memory_order_relaxed) || inside) return;
  inside = true;
  const auto place = static_cast<std::size_t>(counted.fetch_add(1));
  if (place < stacks.size()) stacks[place].depth = backtrace(stacks[place].frames.data(), kDepth);
  inside = false;
}

enum class Whose { engine, oneDNN, openmp };

// Anything below oneDNN's door is oneDNN's, even where it runs a template that this program holds a
// copy of. OpenMP's frames also lie below the bodies of loops: there the program's are nearer.
Whose whose(const Stack& stack) {
  Whose nearest = Whose::engine;
  bool decided = false;
  Dl_info self{};
  dladdr(reinterpret_cast<void*>(&count_one), &self);
  for (int i = 0; i < stack.depth; ++i) {
    Dl_info info{};
    if (dladdr(stack.frames[static_cast<std::size_t>(i)], &info) == 0) continue;
    if (std::strstr(info.dli_fname, "libdnnl") != nullptr) return Whose::oneDNN;
    // The innermost frames are this file's.
    if (decided || (info.dli_fbase == self.dli_fbase && i < 2)) continue;
    if (std::strstr(info.dli_fname, "libgomp") != nullptr) {
      nearest = Whose::openmp;
      decided = true;
    } else if (info.dli_fbase == self.dli_fbase) {
      decided = true;
    }
  }
  return nearest;
}

std::string text_of(const Stack& stack) {
  std::ostringstream text;
  for (int i = 0; i < stack.depth; ++i) {
    void* address = stack.frames[static_cast<std::size_t>(i)];
    Dl_info info{};
    if (dladdr(address, &info) == 0) continue;
    text << "  " << info.dli_fname << " +0x" << std::hex
         << static_cast<char*>(address) - static_cast<char*>(info.dli_fbase) << std::dec << '\n';
  }
  return text.str();
}

}  // namespace

void start_counting_allocations() {
  // The first backtrace loads the unwinder, which allocates.
  std::array<void*, kDepth> frames;
  backtrace(frames.data(), kDepth);
  counted = 0;
  counting = true;
}

AllocationCounts stop_counting_allocations() {
  counting = false;
  AllocationCounts result;
  const std::int64_t all = counted;
  const auto kept = std::min<std::int64_t>(all, static_cast<std::int64_t>(stacks.size()));
  result.own = all - kept;
  for (std::int64_t i = 0; i < kept; ++i) {
    const Stack& stack = stacks[static_cast<std::size_t>(i)];
    switch (whose(stack)) {
      case Whose::oneDNN:
        ++result.oneDNN;
        break;
      case Whose::openmp:
        ++result.openmp;
        break;
      case Whose::engine:
        if (++result.own <= 3) result.own_places += text_of(stack) + '\n';
        break;
    }
  }
  return result;
}

}  // namespace dcgan::test

using dcgan::test::count_one;

extern "C" {

void* malloc(std::size_t bytes) {
  count_one();
  return __libc_malloc(bytes);
}

void* calloc(std::size_t count, std::size_t bytes) {
  count_one();
  return __libc_calloc(count, bytes);
}

void* realloc(void* data, std::size_t bytes) {
  count_one();
  return __libc_realloc(data, bytes);
}

void* memalign(std::size_t alignment, std::size_t bytes) {
  count_one();
  return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count_one();
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void** data, std::size_t alignment, std::size_t bytes) {
  count_one();
  *data = __libc_memalign(alignment, bytes);
  return *data == nullptr ? ENOMEM : 0;
}

}  // extern "C"

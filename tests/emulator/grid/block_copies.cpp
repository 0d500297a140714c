// A block's asynchronous copies: the groups of each thread, and the check that all were waited for.
#include <cstdint>
#include <utility>

#include "runtime/base/errors.h"
#include "tests/emulator/grid/block.h"

namespace dcgan::emulator {

void Block::check_shared(const void* address, std::size_t bytes, Site site) const {
  const auto inside = [&](const FencedMemory& memory) {
    const auto* first = static_cast<const std::byte*>(memory.data());
    const auto* at = static_cast<const std::byte*>(address);
    return first != nullptr && at >= first && at + bytes <= first + memory.bytes();
  };
  if (inside(dynamic_)) return;
  for (const SharedArray& array : arrays_) {
    if (inside(array.memory)) return;
  }
  report(fmt::format("{}: {}: {} bytes that are not in one array of the block's shared memory",
                     to_string(site), describe(current_), bytes));
}

void Block::begin_copy(const AsyncCopy& copy) { threads_[current_].open_copies.push_back(copy); }

// Copies are taken from the end of a group, so the last of it takes place first.
void Block::commit_copies() {
  Thread& thread = threads_[current_];
  thread.copies.push_back(std::exchange(thread.open_copies, {}));
}

bool Block::finish_copy(int pending, AsyncCopy* copy) {
  auto& groups = threads_[current_].copies;
  while (groups.size() > static_cast<std::size_t>(pending)) {
    if (groups.front().empty()) {
      groups.pop_front();
      continue;
    }
    *copy = groups.front().back();
    groups.front().pop_back();
    return true;
  }
  return false;
}

void Block::check_copies_waited_for(std::uint32_t thread) const {
  const auto check = [&](const std::vector<AsyncCopy>& group, const char* what) {
    if (group.empty()) return;
    report(fmt::format("{} ends, but its copy at {} is {}", describe(thread),
                       to_string(group.front().site), what));
  };
  check(threads_[thread].open_copies, "in no committed group");
  for (const auto& group : threads_[thread].copies) check(group, "not waited for");
}

}  // namespace dcgan::emulator

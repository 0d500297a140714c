#include "tests/emulator/grid/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

#include "runtime/base/errors.h"
#include "tests/emulator/grid/race_check.h"

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DCGAN_FIBER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define DCGAN_FIBER_ASAN 1
#endif
#if defined(DCGAN_FIBER_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__x86_64__)
extern "C" void dcgan_fiber_switch(void** save, void* target);
extern "C" void dcgan_fiber_begin();

// Pushes the callee-saved registers of the System V ABI on the current stack and pops them from the
// next one. On a new stack r12 holds the entry and r13 its argument.
asm(R"(
    .text
    .globl dcgan_fiber_switch
    .type dcgan_fiber_switch, @function
dcgan_fiber_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size dcgan_fiber_switch, .-dcgan_fiber_switch
    .globl dcgan_fiber_begin
    .type dcgan_fiber_begin, @function
dcgan_fiber_begin:
    .cfi_startproc
    .cfi_undefined rip
    movq %r13, %rdi
    call *%r12
    ud2
    .cfi_endproc
    .size dcgan_fiber_begin, .-dcgan_fiber_begin
)");
#endif

namespace dcgan::emulator {
namespace {

// Enough for formatting and throwing a report above a kernel's frame. Pages are allocated on use.
constexpr std::size_t kStackBytes = 256 << 10;

}  // namespace

struct Fiber::Machine {
  std::byte* mapping = nullptr;  // a guard page, then the stack
  std::size_t page = 0;
  Entry entry = nullptr;
  void* argument = nullptr;
  bool ending = false;
#if defined(__x86_64__)
  void* own = nullptr;
  void* caller = nullptr;
#else
  ucontext_t own{};
  ucontext_t caller{};
#endif
  void* fake_stack = nullptr;  // AddressSanitizer's, of the suspended side
  const void* caller_stack = nullptr;
  std::size_t caller_bytes = 0;
#if defined(DCGAN_RACE_CHECK)
  void* race_own = __tsan_create_fiber(0);  // ThreadSanitizer's fibers of the two sides
  void* race_caller = nullptr;
  ~Machine() { __tsan_destroy_fiber(race_own); }
#endif

  std::byte* stack() const { return mapping + page; }

  void switch_stacks(bool into_fiber) {
#if defined(DCGAN_RACE_CHECK)
    if (into_fiber) race_caller = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(into_fiber ? race_own : race_caller, __tsan_switch_to_fiber_no_sync);
#endif
#if defined(__x86_64__)
    dcgan_fiber_switch(into_fiber ? &caller : &own, into_fiber ? own : caller);
#else
    swapcontext(into_fiber ? &caller : &own, into_fiber ? &own : &caller);
#endif
  }

  void enter() {
#if defined(DCGAN_FIBER_ASAN)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, stack(), kStackBytes);
    switch_stacks(true);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#else
    switch_stacks(true);
#endif
  }

  void arrive() {
#if defined(DCGAN_FIBER_ASAN)
    __sanitizer_finish_switch_fiber(fake_stack, &caller_stack, &caller_bytes);
#endif
  }

  void leave() {
#if defined(DCGAN_FIBER_ASAN)
    // A null pointer tells the sanitizer that this stack's frames have ended.
    __sanitizer_start_switch_fiber(ending ? nullptr : &fake_stack, caller_stack, caller_bytes);
#endif
    switch_stacks(false);
    arrive();
  }

  static void main(void* self) {
    auto* machine = static_cast<Machine*>(self);
    machine->arrive();
    machine->entry(machine->argument);
    machine->ending = true;
    machine->leave();
  }
};

Fiber::Fiber() : machine_(std::make_unique<Machine>()) {
  machine_->page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* mapping = mmap(nullptr, machine_->page + kStackBytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    fail(ErrorKind::unavailable, "emulator: no memory for a fiber's stack");
  machine_->mapping = static_cast<std::byte*>(mapping);
  mprotect(mapping, machine_->page, PROT_NONE);
}

Fiber::~Fiber() {
#if defined(DCGAN_FIBER_ASAN)
  __asan_unpoison_memory_region(machine_->stack(), kStackBytes);
#endif
  munmap(machine_->mapping, machine_->page + kStackBytes);
}

void Fiber::start(Entry entry, void* argument) {
  machine_->entry = entry;
  machine_->argument = argument;
  machine_->ending = false;
  machine_->fake_stack = nullptr;
#if defined(DCGAN_FIBER_ASAN)
  __asan_unpoison_memory_region(machine_->stack(), kStackBytes);
#endif
#if defined(__x86_64__)
  // As dcgan_fiber_switch pops them: r15 r14 r13 r12 rbx rbp, then the address to return to. The
  // stack is then aligned to 16 bytes, as it must be before a call.
  auto* top = reinterpret_cast<std::uintptr_t*>(machine_->stack() + kStackBytes) - 2;
  *--top = reinterpret_cast<std::uintptr_t>(&dcgan_fiber_begin);
  *--top = 0;
  *--top = 0;
  *--top = reinterpret_cast<std::uintptr_t>(&Machine::main);
  *--top = reinterpret_cast<std::uintptr_t>(machine_.get());
  *--top = 0;
  *--top = 0;
  machine_->own = top;
#else
  getcontext(&machine_->own);
  machine_->own.uc_stack.ss_sp = machine_->stack();
  machine_->own.uc_stack.ss_size = kStackBytes;
  machine_->own.uc_link = nullptr;
  const auto bits = reinterpret_cast<std::uintptr_t>(machine_.get());
  void (*main)(unsigned, unsigned) = [](unsigned high, unsigned low) {
    Machine::main(reinterpret_cast<void*>((std::uintptr_t{high} << 32) | low));
  };
  makecontext(&machine_->own, reinterpret_cast<void (*)()>(main), 2,
              static_cast<unsigned>(bits >> 32), static_cast<unsigned>(bits));
#endif
}

void Fiber::resume() { machine_->enter(); }
void Fiber::yield() { machine_->leave(); }

}  // namespace dcgan::emulator

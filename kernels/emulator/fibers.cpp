// Switching between fibers. swapcontext would do, but it makes a system call to save the signal mask (284 ns); saving the six
// registers that a called function must preserve takes a few nanoseconds.
#include "fibers.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

// ldae_switch_stack(void** save, void* load): pushes the preserved registers, stores the stack pointer, takes the other.
// ldae_fiber_entry: where a fiber begins; prepare_fiber leaves entry and argument in r12 and r13.
asm(R"(
    .text
    .hidden ldae_switch_stack
    .globl ldae_switch_stack
    .type ldae_switch_stack, @function
ldae_switch_stack:
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
    .size ldae_switch_stack, . - ldae_switch_stack

    .hidden ldae_fiber_entry
    .globl ldae_fiber_entry
    .type ldae_fiber_entry, @function
ldae_fiber_entry:
    .cfi_startproc
    .cfi_undefined rip
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    movq %r13, %rdi
    call *%r12
    ud2
    .cfi_endproc
    .size ldae_fiber_entry, . - ldae_fiber_entry

    .hidden ldae_call_with_thread
    .globl ldae_call_with_thread
    .type ldae_call_with_thread, @function
ldae_call_with_thread:
    .cfi_startproc
    pushq %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r15, 0
    movq %rdx, %r15
    movq %rdi, %rax
    movq %rsi, %rdi
    call *%rax
    popq %r15
    .cfi_adjust_cfa_offset -8
    ret
    .cfi_endproc
    .size ldae_call_with_thread, . - ldae_call_with_thread
)");
extern "C" void ldae_switch_stack(void** save, void* load);
extern "C" void ldae_fiber_entry();

namespace ldae_emulator {
namespace {

constexpr size_t StackBytes = LDAE_SANITIZED ? 512 * 1024 : 128 * 1024;

}  // namespace

void create_fiber(Fiber* fiber, void* owner) {
    fiber->owner = owner;
    void* memory = mmap(nullptr, StackBytes + StackGuardBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, StackGuardBytes, PROT_NONE) != 0) {
        fprintf(stderr, "The emulator has no memory for the stacks of its threads.\n");
        abort();
    }
    fiber->stack = static_cast<unsigned char*>(memory) + StackGuardBytes;
    fiber->stack_bytes = StackBytes;
}

void prepare_fiber(Fiber* fiber, int number, void (*entry)(Fiber*)) {
    ASAN_UNPOISON_MEMORY_REGION(fiber->stack, fiber->stack_bytes);
    size_t stagger = static_cast<size_t>(number % 60) * 64 * 7 % 4096;
    auto top = reinterpret_cast<void**>(fiber->stack + fiber->stack_bytes - 64 - stagger);
    *--top = nullptr;  // the return address of the first frame: backtraces end here
    *--top = reinterpret_cast<void*>(&ldae_fiber_entry);
    *--top = nullptr;                          // rbp
    *--top = nullptr;                          // rbx
    *--top = reinterpret_cast<void*>(entry);   // r12
    *--top = fiber;                            // r13
    *--top = nullptr;                          // r14
    *--top = nullptr;                          // r15
    fiber->stack_pointer = top;
    fiber->sanitizer_state = nullptr;
}

void switch_fiber(Fiber* from, Fiber* to) {
#if LDAE_SANITIZED
    __sanitizer_start_switch_fiber(&from->sanitizer_state, to->stack, to->stack_bytes);
    ldae_switch_stack(&from->stack_pointer, to->stack_pointer);
    __sanitizer_finish_switch_fiber(from->sanitizer_state, nullptr, nullptr);
#else
    ldae_switch_stack(&from->stack_pointer, to->stack_pointer);
#endif
}

void fiber_started() {
#if LDAE_SANITIZED
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

void adopt_thread_stack(Fiber* fiber) {
    pthread_attr_t attributes;
    void* stack = nullptr;
    size_t bytes = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &stack, &bytes);
        pthread_attr_destroy(&attributes);
    }
    fiber->stack = static_cast<unsigned char*>(stack);
    fiber->stack_bytes = bytes;
}

}  // namespace ldae_emulator

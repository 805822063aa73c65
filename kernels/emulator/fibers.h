// A fiber: a stack on which code can stop in the middle and go on later. One OS thread runs many of them in turn.
#pragma once
#include "runtime.h"

namespace ldae_emulator {

struct Fiber {
    void* stack_pointer = nullptr;  // where it stopped
    unsigned char* stack = nullptr; // lowest byte
    size_t stack_bytes = 0;
    void* owner = nullptr;
    void* sanitizer_state = nullptr;
};

// Inaccessible bytes below each stack.
constexpr size_t StackGuardBytes = 64 * 1024;

// A fiber on a fresh stack with inaccessible memory below it.
void create_fiber(Fiber* fiber, void* owner);

// Sets a fiber to begin (again) with entry(fiber), which never returns. `number` staggers the tops of the stacks, which would
// otherwise all fall into the same few sets of the caches.
void prepare_fiber(Fiber* fiber, int number, void (*entry)(Fiber*));

// Leaves `from` where it is and goes on with `to`.
void switch_fiber(Fiber* from, Fiber* to);

// To be called first thing in a fiber's entry.
void fiber_started();

// Describes the stack the OS thread runs on, so that fibers can switch back to it.
void adopt_thread_stack(Fiber* fiber);

}  // namespace ldae_emulator

// Calls run(parameters) with register r15 holding the thread, where compiled kernels keep it.
extern "C" void ldae_call_with_thread(void (*run)(void**), void** parameters, ldae_emulator::Thread* thread);

// Runs a block: starts its threads, switches between those that wait, and says why when they wait for ever. The block-wide
// barrier is here; operations of a warp are in warp.cpp.
// Modelled: __syncthreads among the threads that have not returned; dynamic shared memory of exactly the launch's size that
// starts as NaN and ends at an inaccessible page; a barrier that cannot be met, or is reached from two places, is an error.
// Not modelled: warps in lockstep, time, caches, bank conflicts, registers, more than one block on an SM.
#include "block.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <map>
#include <utility>

namespace ldae_emulator {
namespace {

constexpr int LaunchFailed = 719, MisalignedAddress = 716, IllegalAddress = 700;
constexpr size_t FrontBytes = 256;  // of pattern before shared memory

uint32_t next_random(Worker* worker, uint32_t bound) {
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>((worker->random >> 32) * bound >> 32);
}

template <typename T> void shuffle_order(Worker* worker, T* items, int count) {
    for (int i = count - 1; i > 0; i--) std::swap(items[i], items[next_random(worker, static_cast<uint32_t>(i + 1))]);
}

ThreadState* begin_next(Worker* worker) { return worker->order[worker->begun++]; }

void make_ready(ThreadState* thread) {
    thread->waits = false;
    thread->worker->ready[thread->worker->ready_count++] = thread;
}

std::string place(Site site) {
    if (site.file == nullptr) return "?";
    const char* slash = strrchr(site.file, '/');
    return std::string(slash != nullptr ? slash + 1 : site.file) + ":" + std::to_string(site.line);
}

std::string text_of(uint3 index) {
    return "(" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")";
}

// All threads that are left wait: for what, and where.
std::string describe_waiting(Worker* worker) {
    std::map<std::string, int> places;
    int returned = 0;
    for (int i = 0; i < worker->thread_count; i++) {
        ThreadState& thread = worker->threads[i];
        if (thread.waits) places[std::string(thread.waits_for) + " at " + place(thread.site)]++;
        returned += thread.done;
    }
    std::string text = "threads wait for each other for ever:";
    for (auto& [where, count] : places) text += " " + std::to_string(count) + " in " + where + ";";
    return text + " " + std::to_string(returned) + " have returned";
}

[[noreturn]] void leave_block(Worker* worker) {
    Fiber abandoned;
    switch_fiber(&abandoned, &worker->main);
    __builtin_unreachable();
}

// Leaves the fiber `self` for a thread that can go on.
void switch_to_ready(Worker* worker, Fiber* self) {
    ThreadState* next = worker->ready[--worker->ready_count];
    worker->running = next;
    switch_fiber(self, next->fiber);
}

// Leaves the fiber `self` for an idle one, which begins the next thread. There is one: the launch made a fiber a thread.
void switch_to_idle(Worker* worker, Fiber* self) {
    Fiber* fiber = worker->idle.back();
    worker->idle.pop_back();
    switch_fiber(self, fiber);
}

void thread_returned(ThreadState* thread) {
    Worker* worker = thread->worker;
    thread->done = true;
    worker->alive--;
    if (!thread->copies.empty()) thread->copies.clear();
    warp_lane_returned(thread);
    if (worker->at_barrier > 0 && worker->at_barrier == worker->alive) {
        worker->at_barrier = 0;
        for (int w = 0; w < worker->warp_count; w++) release_warp(worker, &worker->warps[w]);
    }
}

// The life of a fiber: begins a thread of the block, runs it to its end, begins the next; when others can go on instead, it
// waits among the idle ones.
void fiber_main(Fiber* self) {
    auto* worker = static_cast<Worker*>(self->owner);
    fiber_started();
    for (;;) {
        ThreadState* thread = begin_next(worker);
        thread->fiber = self;
        worker->running = thread;
        ldae_call_with_thread(worker->launch->entry->run, worker->launch->parameters, thread);
        thread_returned(thread);
        bool others = worker->ready_count > 0;
        if (!others && worker->begun < worker->thread_count) continue;
        worker->running = nullptr;
        worker->idle.push_back(self);
        if (others) {
            switch_to_ready(worker, self);
        } else {
            switch_fiber(self, &worker->main);  // done, or the rest waits for ever
        }
    }
}

void make_lane_orders(Worker* worker) {
    for (auto& order : worker->lane_orders) {
        for (int lane = 0; lane < WarpLanes; lane++) order[lane] = static_cast<unsigned char>(lane);
        shuffle_order(worker, order, WarpLanes);
    }
}

// Warps in shuffled order, the lanes of each in shuffled order.
void order_threads(Worker* worker) {
    int warps[MaxWarps];
    for (int w = 0; w < worker->warp_count; w++) warps[w] = w;
    shuffle_order(worker, warps, worker->warp_count);
    int count = 0;
    for (int w = 0; w < worker->warp_count; w++) {
        const WarpState& warp = worker->warps[warps[w]];
        const unsigned char* lanes = worker->lane_orders[next_random(worker, 16)];
        for (int i = 0; i < WarpLanes; i++) {
            if (lanes[i] < warp.lanes) worker->order[count++] = &worker->threads[warp.first + lanes[i]];
        }
    }
}

void prepare_fibers(Worker* worker) {
    worker->idle.clear();
    for (size_t i = 0; i < worker->fibers.size(); i++) {
        prepare_fiber(&worker->fibers[i], static_cast<int>(i), fiber_main);
        worker->idle.push_back(&worker->fibers[i]);
    }
}

void prepare_shared(Worker* worker) {
    size_t padded = (worker->shared_bytes + 15) / 16 * 16;
    unsigned char* start = worker->shared_end - padded;
    worker->block.shared = start;
    ASAN_UNPOISON_MEMORY_REGION(start - FrontBytes, padded + FrontBytes);
    memset(start - FrontBytes, 0xff, padded + FrontBytes);
    // All but the block's bytes, with what an earlier launch had and the page behind, which the sanitizer so reports before it faults.
    ASAN_POISON_MEMORY_REGION(worker->shared_pages, static_cast<size_t>(start - worker->shared_pages));
    ASAN_POISON_MEMORY_REGION(start + worker->shared_bytes, padded - worker->shared_bytes + static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

std::string check_shared_edges(Worker* worker) {
    auto* start = static_cast<unsigned char*>(worker->block.shared);
    ASAN_UNPOISON_MEMORY_REGION(start - FrontBytes, worker->shared_end - start + FrontBytes);
    for (unsigned char* at = start - FrontBytes; at < start; at++) {
        if (*at != 0xff) return "a thread wrote " + std::to_string(start - at) + " bytes before the start of shared memory";
    }
    for (unsigned char* at = start + worker->shared_bytes; at < worker->shared_end; at++) {
        if (*at != 0xff) return "a thread wrote past the " + std::to_string(worker->shared_bytes) + " bytes of shared memory";
    }
    return "";
}

void set_failure(Worker* worker, ThreadState* thread, int status, const std::string& text) {
    worker->failure.status = status;
    worker->failure.text = std::string("kernel ") + worker->launch->entry->name + ", block " + text_of(worker->block.index) +
                           (thread != nullptr ? ", thread " + text_of(thread->index) : "") + ": " + text;
}

std::string describe_fault(Worker* worker) {
    auto* address = static_cast<const unsigned char*>(worker->fault_address);
    std::string where = source_line(worker->fault_instruction), text = "access to an illegal address";
    if (worker->fault_signal == SIGFPE) text = "integer division by zero";
    if (!where.empty()) text += " at " + where;
    if (worker->fault_signal == SIGFPE) return text;
    for (const Fiber& fiber : worker->fibers) {
        if (address < fiber.stack && address >= fiber.stack - StackGuardBytes) {
            return text + ": the thread has more than " + std::to_string(fiber.stack_bytes) + " bytes of local variables";
        }
    }
    auto* shared = static_cast<const unsigned char*>(worker->block.shared);
    if (address >= worker->shared_pages - 4096 && address < shared) {
        return text + ": " + std::to_string(shared - address) + " bytes before the start of shared memory";
    }
    if (address >= worker->shared_end && address < worker->shared_end + 4096) {
        return text + ": " + std::to_string(static_cast<size_t>(address - shared) - worker->shared_bytes) +
               " bytes past the " + std::to_string(worker->shared_bytes) + " bytes of shared memory";
    }
    return text + ": " + describe_address(address);
}

}  // namespace

Worker* create_worker(uint64_t seed) {
    auto* worker = new Worker();
    worker->random = seed * 0x9e3779b97f4a7c15u + 1;
    worker->threads = new ThreadState[MaxThreads]();
    for (int i = 0; i < MaxThreads; i++) worker->threads[i].worker = worker;
    adopt_thread_stack(&worker->main);
    auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_t bytes = (MaxSharedBytes + FrontBytes + page - 1) / page * page;
    auto* pages = static_cast<unsigned char*>(
        mmap(nullptr, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    worker->shared_pages = pages + page;
    worker->shared_end = pages + page + bytes;
    mprotect(worker->shared_pages, bytes, PROT_READ | PROT_WRITE);
    make_lane_orders(worker);
    return worker;
}

void begin_launch(Worker* worker, const Launch* launch) {
    worker->launch = launch;
    worker->failure = Failure();
    worker->shared_bytes = launch->shared_bytes;
    worker->block.dimensions = launch->block;
    worker->block.grid = launch->grid;
    worker->thread_count = static_cast<int>(launch->block.x * launch->block.y * launch->block.z);
    worker->warp_count = (worker->thread_count + WarpLanes - 1) / WarpLanes;
    for (int i = 0; i < worker->thread_count; i++) {
        ThreadState& thread = worker->threads[i];
        auto number = static_cast<unsigned>(i);
        thread.index = {number % launch->block.x, number / launch->block.x % launch->block.y,
                        number / (launch->block.x * launch->block.y)};
        thread.number = i;
        thread.lane = i % WarpLanes;
        thread.warp = i / WarpLanes;
        thread.block = &worker->block;
    }
    for (int w = 0; w < worker->warp_count; w++) {
        worker->warps[w].first = w * WarpLanes;
        worker->warps[w].lanes = std::min(WarpLanes, worker->thread_count - w * WarpLanes);
    }
    if (worker->fibers.size() < static_cast<size_t>(worker->thread_count)) {
        size_t had = worker->fibers.size();
        worker->fibers.resize(static_cast<size_t>(worker->thread_count));
        worker->idle.reserve(worker->fibers.size() + 1);
        for (size_t i = had; i < worker->fibers.size(); i++) create_fiber(&worker->fibers[i], worker);
        prepare_fibers(worker);
    }
}

bool run_block(Worker* worker, uint3 index) {
    worker->block.index = index;
    worker->alive = worker->thread_count;
    worker->at_barrier = worker->ready_count = worker->begun = 0;
    for (int i = 0; i < worker->thread_count; i++) {
        worker->threads[i].waits = worker->threads[i].done = false;
        worker->threads[i].copy_group = 0;
    }
    for (int w = 0; w < worker->warp_count; w++) {
        WarpState& warp = worker->warps[w];
        warp.alive = warp.lanes;
        warp.arrived = 0;
        warp.present = 0;
        warp.operation = WarpOperation::none;
    }
    order_threads(worker);
    prepare_shared(worker);
    bool faulted = sigsetjmp(worker->recovery, 1) != 0;
    if (!faulted) {
        switch_to_idle(worker, &worker->main);
    }
    if (faulted) {
#if LDAE_SANITIZED
        __sanitizer_finish_switch_fiber(worker->main.sanitizer_state, nullptr, nullptr);
#endif
        set_failure(worker, worker->running, IllegalAddress, describe_fault(worker));
    } else if (worker->failure.status == 0 && worker->alive > 0) {
        set_failure(worker, nullptr, LaunchFailed, describe_waiting(worker));
    }
    worker->running = nullptr;
    if (worker->failure.status == 0) {
        std::string damage = check_shared_edges(worker);
        if (!damage.empty()) set_failure(worker, nullptr, IllegalAddress, damage);
    }
    if (worker->failure.status != 0) {
        for (int i = 0; i < worker->thread_count; i++) worker->threads[i].copies.clear();
        prepare_fibers(worker);
        return false;
    }
    return true;
}

void wait(ThreadState* thread, Site site, const char* what) {
    Worker* worker = thread->worker;
    thread->waits = true;
    thread->site = site;
    thread->waits_for = what;
    if (worker->ready_count > 0) switch_to_ready(worker, thread->fiber);
    else if (worker->begun < worker->thread_count) switch_to_idle(worker, thread->fiber);
    else leave_block(worker);  // no thread can make this one ready
}

void release_warp(Worker* worker, WarpState* warp) {
    const unsigned char* lanes = worker->lane_orders[next_random(worker, 16)];
    for (int i = 0; i < WarpLanes; i++) {
        if (lanes[i] >= warp->lanes) continue;
        ThreadState* thread = &worker->threads[warp->first + lanes[i]];
        if (thread->waits) make_ready(thread);
    }
}

void fail(ThreadState* thread, Site site, int status, const std::string& text) {
    set_failure(thread->worker, thread, status, text + (site.file != nullptr ? " at " + place(site) : ""));
    leave_block(thread->worker);
}

void block_barrier(Thread* base, Site site) {
    ThreadState* thread = state_of(base);
    Worker* worker = thread->worker;
    if (worker->at_barrier == 0) {
        worker->barrier_site = site;
    } else if (site.line != worker->barrier_site.line || strcmp(site.file, worker->barrier_site.file) != 0) {
        fail(thread, site, LaunchFailed, "threads of one block meet in different barriers, " + place(worker->barrier_site) + " and");
    }
    if (++worker->at_barrier < worker->alive) {
        wait(thread, site, "block_barrier");
        return;
    }
    worker->at_barrier = 0;
    int warps[MaxWarps];
    for (int w = 0; w < worker->warp_count; w++) warps[w] = w;
    shuffle_order(worker, warps, worker->warp_count);
    for (int w = 0; w < worker->warp_count; w++) release_warp(worker, &worker->warps[warps[w]]);
}

void check_shared(ThreadState* thread, const void* address, size_t bytes, Site site, const char* what) {
    auto* start = static_cast<unsigned char*>(thread->worker->block.shared);
    auto* at = static_cast<const unsigned char*>(address);
    if (at < start || at + bytes > start + thread->worker->shared_bytes) {
        fail(thread, site, IllegalAddress,
             std::string(what) + ": address " + std::to_string(at - start) + " of " + std::to_string(thread->worker->shared_bytes) +
                 " bytes of shared memory");
    }
    if (reinterpret_cast<uintptr_t>(address) % bytes != 0) {
        fail(thread, site, MisalignedAddress, std::string(what) + ": address in shared memory not aligned to " + std::to_string(bytes));
    }
}

}  // namespace ldae_emulator

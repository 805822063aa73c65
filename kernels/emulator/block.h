// One block of threads while it runs on one OS thread: its fibers, its warps, its barrier. A Worker has the memory for one
// block and runs the blocks of a launch one after the other.
//
// Order of the threads: a thread runs until it has to wait or returns. Then the one made ready last goes on, else the next
// that has not begun. Warps begin in an order shuffled by LDAE_EMULATOR_SEED, and so do the lanes of each warp and all that
// a barrier releases. So a warp runs as far ahead of the others as barriers allow, which is what makes a missing one show.
#pragma once
#include "fibers.h"

#include <setjmp.h>

namespace ldae_emulator {

constexpr int WarpLanes = 32, MaxThreads = 1024, MaxWarps = MaxThreads / WarpLanes;
constexpr size_t MaxSharedBytes = 227 * 1024;

struct Worker;

struct PendingCopy {  // a cp.async on its way: its source was read, its destination not written yet
    unsigned char bytes[16];
    void* to;
    int group;
};

struct ThreadState : Thread {
    Worker* worker;
    Fiber* fiber;
    int number, warp;
    bool waits, done;
    Site site;  // where it waits
    const char* waits_for;
    int copy_group;
    std::vector<PendingCopy> copies;
};

// What the lanes of a warp bring to an operation, and what they take away.
enum class WarpOperation { none, barrier, shuffle, ballot, load_matrix, mma };
const char* name_of(WarpOperation operation);

struct WarpState {
    int first, lanes, alive, arrived;
    WarpOperation operation;
    int variant;  // of load_matrix
    Site site;
    unsigned present;  // lanes that have arrived
    unsigned value[WarpLanes];
    int source[WarpLanes];
    unsigned result[WarpLanes];
    unsigned char row[WarpLanes][16];
    unsigned* registers[WarpLanes];
    float* d[WarpLanes];
    const unsigned *a[WarpLanes], *b[WarpLanes];
};

struct Worker {
    Block block;
    const Launch* launch;
    int thread_count, warp_count;
    ThreadState* threads;  // MaxThreads of them
    WarpState warps[MaxWarps];
    int alive, at_barrier;
    Site barrier_site;

    // Threads that can go on, last in first out; threads that have not begun, from `begun` on.
    ThreadState* ready[MaxThreads];
    int ready_count;
    ThreadState* order[MaxThreads];
    int begun;

    Fiber main;
    std::vector<Fiber> fibers;  // one for each thread that has ever waited at the same time
    std::vector<Fiber*> idle;

    unsigned char *shared_pages, *shared_end;
    size_t shared_bytes;

    uint64_t random;
    unsigned char lane_orders[16][WarpLanes];

    ThreadState* running;  // for faults
    sigjmp_buf recovery;
    Failure failure;
    const void* fault_address;
    const void* fault_instruction;
    int fault_signal;
};

Worker* create_worker(uint64_t seed);
void begin_launch(Worker* worker, const Launch* launch);
// False when the block failed; worker->failure says why.
bool run_block(Worker* worker, uint3 index);

// For the hooks: stops this thread until another makes it ready. Makes ready all threads of the warp, or the block, that wait.
void wait(ThreadState* thread, Site site, const char* what);
void release_warp(Worker* worker, WarpState* warp);

// Ends the launch with an error at this thread. Does not return.
[[noreturn]] void fail(ThreadState* thread, Site site, int status, const std::string& text);

void block_barrier(Thread* thread, Site site);
// A thread has returned: what waits for the remaining ones may now be complete.
void warp_lane_returned(ThreadState* thread);

void copy_async(Thread* thread, void* shared, const void* global, int bytes, Site site);
void copy_async_commit(Thread* thread);
void copy_async_wait(Thread* thread, int pending);
// Fails unless [address, address + bytes) is inside the block's dynamic shared memory and aligned to `bytes`.
void check_shared(ThreadState* thread, const void* address, size_t bytes, Site site, const char* what);

inline ThreadState* state_of(Thread* thread) { return static_cast<ThreadState*>(thread); }

}  // namespace ldae_emulator

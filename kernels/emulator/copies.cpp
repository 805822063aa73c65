// cp.async: a copy from global to shared memory that is under way until the wait that covers it.
//
// The hardware may write the destination at any time between the instruction and the wait. So here the destination holds
// 0xff (NaN) from the instruction on, whatever was there, and the bytes arrive in the wait and not earlier: a kernel that
// reads too soon, or starts a copy into memory that others still read, computes NaN.
// Not modelled: that a block may end with copies under way (they are dropped, as they cannot be read).
#include "block.h"

#include <cstring>

namespace ldae_emulator {

void copy_async(Thread* base, void* shared, const void* global, int bytes, Site site) {
    ThreadState* thread = state_of(base);
    check_shared(thread, shared, 16, site, "copy_async_16");
    if (bytes < 0 || bytes > 16) fail(thread, site, 716, "copy_async_16 of " + std::to_string(bytes) + " bytes");
    if (bytes > 0 && reinterpret_cast<uintptr_t>(global) % 16 != 0) {
        fail(thread, site, 716, "copy_async_16: address in global memory not aligned to 16");
    }
    thread->copies.emplace_back();
    PendingCopy& copy = thread->copies.back();
    memset(copy.bytes, 0, sizeof copy.bytes);
    if (bytes > 0) memcpy(copy.bytes, global, static_cast<size_t>(bytes));
    copy.to = shared;
    copy.group = thread->copy_group;
    memset(shared, 0xff, 16);
}

void copy_async_commit(Thread* base) { state_of(base)->copy_group++; }

void copy_async_wait(Thread* base, int pending) {
    ThreadState* thread = state_of(base);
    size_t landed = 0;
    while (landed < thread->copies.size() && thread->copies[landed].group < thread->copy_group - pending) {
        memcpy(thread->copies[landed].to, thread->copies[landed].bytes, 16);
        landed++;
    }
    thread->copies.erase(thread->copies.begin(), thread->copies.begin() + static_cast<ptrdiff_t>(landed));
}

}  // namespace ldae_emulator

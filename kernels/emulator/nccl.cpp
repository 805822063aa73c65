// libnccl.so.2 as far as the engine calls it: sums and broadcasts between processes of one machine, through memory that they share.
// A group's memory has a slot for each rank. Each rank fills its own slot, waits for the others and reads all slots in the order of the
// ranks, so that a sum has the same bits everywhere; then all wait again before a slot is overwritten.
// Modelled: order on streams, capture, abort from another thread, ranks whose calls differ (an error here, a hang or torn memory with NCCL),
// a process that dies (the others wait until they abort, as with NCCL).
// Not modelled: several machines, other types and operations.
#include "driver.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>

namespace ldae_emulator {
namespace {

enum Result : int { Ok = 0, SystemError = 2, InvalidArgument = 4, InvalidUsage = 5 };

constexpr int MaxRanks = 64, Float32 = 7, Uint8 = 1, Sum = 0;
constexpr size_t SlotBytes = 1 << 18;

struct UniqueId { char name[128]; };

enum class Kind : int { Sum = 1, Broadcast };

struct Request {
    Kind kind;
    size_t bytes;
    bool operator!=(const Request& other) const { return kind != other.kind || bytes != other.bytes; }
};

struct Shared {  // the start of a group's memory, zero at first; the slots follow
    std::atomic<int> arrived, round;
    Request requests[MaxRanks];
};

struct Group {
    Shared* shared;
    char* slots;
    size_t bytes;
    int rank, ranks;
    std::atomic<bool> aborted = false;

    char* slot(int of) const { return slots + of * SlotBytes; }

    // Returns whether all ranks came before the group was aborted.
    bool wait_for_all() const {
        int round = shared->round.load();
        if (shared->arrived.fetch_add(1) + 1 == ranks) {
            shared->arrived = 0;
            shared->round.fetch_add(1);
            return true;
        }
        // The wait is short most of the time; after that the late process gets the processor.
        for (int looks = 0; shared->round.load() == round; looks++) {
            if (aborted) return false;
            if (looks < 100) sched_yield(); else usleep(50);
        }
        return true;
    }
};

// Adds up the first `count` values of all slots.
void add_slots(const Group* group, float* to, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float sum = 0;
        for (int rank = 0; rank < group->ranks; rank++) sum += reinterpret_cast<const float*>(group->slot(rank))[i];
        to[i] = sum;
    }
}

int run(const Group* group, Request request, const char* from, char* to) {
    for (size_t done = 0; done == 0 || done < request.bytes; done += SlotBytes) {
        size_t part = std::min(SlotBytes, request.bytes - done);
        group->shared->requests[group->rank] = request;
        if (request.kind == Kind::Sum || group->rank == 0) memcpy(group->slot(group->rank), from + done, part);
        if (!group->wait_for_all()) return report(LaunchFailed, "NCCL: aborted");
        for (int rank = 1; rank < group->ranks; rank++) {
            // All ranks see the same requests, so all return here or none.
            if (group->shared->requests[rank] != group->shared->requests[0]) {
                return report(LaunchFailed, "NCCL: rank " + std::to_string(rank) + " makes another call than rank 0");
            }
        }
        if (request.kind == Kind::Sum) {
            add_slots(group, reinterpret_cast<float*>(to + done), part / sizeof(float));
        } else {
            memcpy(to + done, group->slot(0), part);
        }
        if (!group->wait_for_all()) return report(LaunchFailed, "NCCL: aborted");
    }
    return Success;
}

int ask(const char* call, void* handle, Request request, const void* from, void* to, void* stream) {
    for (const void* address : {from, static_cast<const void*>(to)}) {
        std::string wrong = request.bytes == 0 ? "" : check_range(address, request.bytes);
        if (!wrong.empty()) {
            report(InvalidValue, std::string(call) + ": " + wrong);
            return InvalidArgument;
        }
    }
    auto* group = static_cast<const Group*>(handle);
    int status = submit(stream, [=] { return run(group, request, static_cast<const char*>(from), static_cast<char*>(to)); });
    return status == Success ? Ok : InvalidUsage;
}

}  // namespace
}  // namespace ldae_emulator

using namespace ldae_emulator;

LDAE_EXPORT int ncclGetVersion(int* version) {
    *version = 21800;
    return Ok;
}

LDAE_EXPORT const char* ncclGetErrorString(int result) {
    switch (result) {
        case Ok: return "no error";
        case SystemError: return "unhandled system error";
        case InvalidArgument: return "invalid argument";
        case InvalidUsage: return "invalid usage";
        default: return "unknown result code";
    }
}

// A name that is unique on this machine.
LDAE_EXPORT int ncclGetUniqueId(UniqueId* id) {
    static std::atomic<int> groups;
    *id = {};
    long long now = std::chrono::steady_clock::now().time_since_epoch().count();
    snprintf(id->name, sizeof id->name, "/dev/shm/ldae-nccl-%d-%d-%llx", getpid(), groups++, now);
    return Ok;
}

LDAE_EXPORT int ncclCommInitRank(void** communicator, int ranks, UniqueId id, int rank) {
    if (ranks < 1 || ranks > MaxRanks || rank < 0 || rank >= ranks || memchr(id.name, 0, sizeof id.name) == nullptr) return InvalidArgument;
    size_t head = (sizeof(Shared) + 4095) / 4096 * 4096, bytes = head + ranks * SlotBytes;
    int file = open(id.name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) return SystemError;
    void* memory = ftruncate(file, static_cast<off_t>(bytes)) == 0 ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;
    close(file);
    if (memory == MAP_FAILED) {
        unlink(id.name);
        return SystemError;
    }
    auto* group = new Group{static_cast<Shared*>(memory), static_cast<char*>(memory) + head, bytes, rank, ranks};
    group->wait_for_all();

    // All ranks have opened it: without its name it is freed however they end.
    if (rank == 0) unlink(id.name);
    *communicator = group;
    return Ok;
}

LDAE_EXPORT int ncclCommDestroy(void* communicator) {
    auto* group = static_cast<Group*>(communicator);
    munmap(group->shared, group->bytes);
    delete group;
    return Ok;
}

// The memory stays: operations on the streams still read it.
LDAE_EXPORT int ncclCommAbort(void* communicator) {
    static_cast<Group*>(communicator)->aborted = true;
    return Ok;
}

LDAE_EXPORT int ncclAllReduce(const void* from, void* to, size_t count, int type, int operation, void* communicator, void* stream) {
    if (type != Float32 || operation != Sum) return InvalidArgument;
    return ask("ncclAllReduce", communicator, {Kind::Sum, count * sizeof(float)}, from, to, stream);
}

LDAE_EXPORT int ncclBroadcast(const void* from, void* to, size_t count, int type, int root, void* communicator, void* stream) {
    if (type != Uint8 || root != 0) return InvalidArgument;
    return ask("ncclBroadcast", communicator, {Kind::Broadcast, count}, from, to, stream);
}

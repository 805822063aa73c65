// Device memory of the emulator: host memory, each allocation in pages of its own between two that cannot be touched.
//
//      inaccessible | 0xff ... | the block | 0..15 x 0xff | inaccessible
//
// A kernel that reads or writes past the end of its allocation faults at once (past the 0..15 bytes of padding); before the
// start it faults when the block fills its pages, and otherwise reads NaN, or is reported on release if it wrote. Under the
// address sanitizer all but the block is poisoned, so that its report comes before any fault. Freed memory stays inaccessible
// for a while. The device has as much memory as the machine, or LDAE_EMULATOR_MEMORY bytes: an allocation past that fails as on a GPU.
// Not modelled: pools, fragmentation, and allocation order of streams (the stream is always idle).
#include "runtime.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>

namespace ldae_emulator {
namespace {

constexpr unsigned char Pattern = 0xff;
constexpr size_t Alignment = 16, QuarantineBytes = size_t{1} << 36, QuarantineCount = 2048;

struct Allocation {
    unsigned char* pages;  // the first accessible page
    size_t page_bytes;
    unsigned char* block;
    size_t bytes;
};

std::mutex mutex;
std::map<uintptr_t, Allocation> live;  // by address of the block
std::deque<Allocation> quarantine;
size_t live_bytes, quarantine_bytes;

size_t page_size() {
    static const size_t size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    return size;
}

void unmap(const Allocation& allocation) {
    ASAN_UNPOISON_MEMORY_REGION(allocation.pages - page_size(), allocation.page_bytes + 2 * page_size());
    munmap(allocation.pages - page_size(), allocation.page_bytes + 2 * page_size());
}

bool is_pattern(const unsigned char* from, const unsigned char* to) {
    for (; from < to; from++) {
        if (*from != Pattern) return false;
    }
    return true;
}

std::string relation(uintptr_t address, const Allocation& allocation) {
    auto start = reinterpret_cast<uintptr_t>(allocation.block);
    char text[160];
    if (address < start) {
        snprintf(text, sizeof text, "%zu bytes before the start of the allocation of %zu bytes at %p", start - address,
                 allocation.bytes, static_cast<void*>(allocation.block));
    } else if (address >= start + allocation.bytes) {
        snprintf(text, sizeof text, "%zu bytes past the end of the allocation of %zu bytes at %p",
                 address - start - allocation.bytes, allocation.bytes, static_cast<void*>(allocation.block));
    } else {
        snprintf(text, sizeof text, "%zu bytes into the allocation of %zu bytes at %p", address - start, allocation.bytes,
                 static_cast<void*>(allocation.block));
    }
    return text;
}

bool is_near(uintptr_t address, const Allocation& allocation) {
    auto first = reinterpret_cast<uintptr_t>(allocation.pages) - page_size();
    return address >= first && address < first + allocation.page_bytes + 2 * page_size();
}

}  // namespace

size_t device_bytes() {
    static const size_t bytes = [] {
        const char* limit = getenv("LDAE_EMULATOR_MEMORY");
        if (limit != nullptr && *limit != 0) return static_cast<size_t>(strtoull(limit, nullptr, 10));
        struct sysinfo system;
        sysinfo(&system);
        return static_cast<size_t>(system.totalram * system.mem_unit);
    }();
    return bytes;
}

void* allocate_guarded(size_t bytes) {
    if (bytes > device_bytes() || allocated_bytes() > device_bytes() - bytes) return nullptr;
    size_t page = page_size(), padded = (bytes + Alignment - 1) / Alignment * Alignment;
    size_t page_bytes = (padded + page - 1) / page * page;
    void* reserved = mmap(nullptr, page_bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED) return nullptr;
    Allocation allocation;
    allocation.pages = static_cast<unsigned char*>(reserved) + page;
    allocation.page_bytes = page_bytes;
    allocation.block = allocation.pages + page_bytes - padded;
    allocation.bytes = bytes;
    if (mprotect(allocation.pages, page_bytes, PROT_READ | PROT_WRITE) != 0) {
        unmap(allocation);
        return nullptr;
    }
    memset(allocation.pages, Pattern, page_bytes);
    ASAN_POISON_MEMORY_REGION(reserved, page_bytes + 2 * page);
    ASAN_UNPOISON_MEMORY_REGION(allocation.block, bytes);
    std::lock_guard<std::mutex> lock(mutex);
    live[reinterpret_cast<uintptr_t>(allocation.block)] = allocation;
    live_bytes += bytes;
    return allocation.block;
}

bool release_guarded(void* address, std::string* damage) {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = live.find(reinterpret_cast<uintptr_t>(address));
    if (found == live.end()) return false;
    Allocation allocation = found->second;
    live.erase(found);
    live_bytes -= allocation.bytes;
    ASAN_UNPOISON_MEMORY_REGION(allocation.pages, allocation.page_bytes);
    if (!is_pattern(allocation.pages, allocation.block)) {
        *damage = "somebody wrote before the start of the allocation of " + std::to_string(allocation.bytes) + " bytes";
    } else if (!is_pattern(allocation.block + allocation.bytes, allocation.pages + allocation.page_bytes)) {
        *damage = "somebody wrote past the end of the allocation of " + std::to_string(allocation.bytes) + " bytes";
    }
    madvise(allocation.pages, allocation.page_bytes, MADV_DONTNEED);
    mprotect(allocation.pages, allocation.page_bytes, PROT_NONE);
    ASAN_POISON_MEMORY_REGION(allocation.pages, allocation.page_bytes);
    quarantine.push_back(allocation);
    quarantine_bytes += allocation.page_bytes;
    while (quarantine.size() > QuarantineCount || quarantine_bytes > QuarantineBytes) {
        unmap(quarantine.front());
        quarantine_bytes -= quarantine.front().page_bytes;
        quarantine.pop_front();
    }
    return true;
}

std::string describe_address(const void* pointer) {
    auto address = reinterpret_cast<uintptr_t>(pointer);
    // Called after a fault, when another thread may hold the lock only for a moment: the faulting one never does.
    std::lock_guard<std::mutex> lock(mutex);
    auto next = live.upper_bound(address);
    if (next != live.end() && is_near(address, next->second)) return relation(address, next->second);
    if (next != live.begin() && is_near(address, std::prev(next)->second)) return relation(address, std::prev(next)->second);
    for (const Allocation& allocation : quarantine) {
        if (is_near(address, allocation)) return relation(address, allocation) + ", which has been freed";
    }
    return address < 4096 ? "a null pointer" : "near no allocation of the device";
}

std::string check_range(const void* pointer, size_t bytes) {
    auto address = reinterpret_cast<uintptr_t>(pointer);
    {
        std::lock_guard<std::mutex> lock(mutex);
        auto next = live.upper_bound(address);
        if (next != live.begin()) {
            const Allocation& allocation = std::prev(next)->second;
            auto start = reinterpret_cast<uintptr_t>(allocation.block);
            if (address + bytes <= start + allocation.bytes) return "";
        }
    }
    return std::to_string(bytes) + " bytes from " + describe_address(pointer);
}

size_t allocated_bytes() {
    std::lock_guard<std::mutex> lock(mutex);
    return live_bytes;
}

}  // namespace ldae_emulator

// What the files of the emulator share. device.h is the interface to compiled kernels; this is everything behind it.
#pragma once
#define LDAE_EMULATOR_LIBRARY
#include "device.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define LDAE_SANITIZED 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define LDAE_SANITIZED 0
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#define LDAE_EXPORT extern "C" __attribute__((visibility("default")))

namespace ldae_emulator {

// ---- launching (launch.cpp) -------------------------------------------------------------------------------------

struct Launch {
    const EntryPoint* entry;
    uint3 grid, block;
    size_t shared_bytes;
    void** parameters;
};

// Why a launch ended early: a status of the driver (0: it did not) and a sentence with kernel, block, thread and line.
struct Failure {
    int status = 0;
    std::string text;
};

// Runs all blocks of a launch and returns when they are done.
Failure run_launch(const Launch& launch);

// Runs task(0) .. task(count - 1) on the pool's threads; for the matrix products.
void run_tasks(int count, const std::function<void(int)>& task);

int pool_size();

// ---- memory (memory.cpp) ----------------------------------------------------------------------------------------

// Memory between guard pages: the block ends at an address that divides by 16, less than 16 bytes before an inaccessible
// page; what lies between block and pages holds a pattern that is checked on release. Filled with 0xff: NaN in float and bf16.
void* allocate_guarded(size_t bytes);

// False when the address was not given out; `damage` receives a sentence when the pattern around the block was overwritten.
bool release_guarded(void* address, std::string* damage);

// What an address is in terms of the allocations: "12 bytes past the end of the allocation of 400 bytes at 0x...".
std::string describe_address(const void* address);

// Empty when [address, address + bytes) lies inside one allocation; else what is wrong with it.
std::string check_range(const void* address, size_t bytes);

size_t allocated_bytes();

// How much memory the device has.
size_t device_bytes();

// ---- modules (compiler.cpp, driver.cpp) -------------------------------------------------------------------------

// File and line of a machine address inside a kernel, or nothing.
std::string source_line(const void* address);

extern const Hooks hooks;

}  // namespace ldae_emulator

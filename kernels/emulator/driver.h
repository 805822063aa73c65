// The objects behind the driver's handles, shared by driver.cpp, streams.cpp and blaslt.cpp.
#pragma once
#include "runtime.h"

#include <deque>
#include <map>
#include <memory>

namespace ldae_emulator {

// Statuses of the CUDA driver that the emulator gives.
enum Status : int {
    Success = 0, InvalidValue = 1, OutOfMemory = 2, NotInitialized = 3, NoDevice = 100, InvalidDevice = 101, InvalidImage = 200,
    InvalidContext = 201, InvalidHandle = 400, NotFound = 500, IllegalAddress = 700, LaunchOutOfResources = 701,
    MisalignedAddress = 716, LaunchFailed = 719, CaptureUnsupported = 900, CaptureInvalidated = 901, CaptureUnmatched = 903,
};

using Operation = std::function<int()>;  // a launch, copy or product, with all that it needs; gives a status

struct Capture {
    std::vector<Operation> operations;
};

struct Stream {
    std::shared_ptr<Capture> capture;  // while it is being captured
    bool late = false;                 // does what it is asked when somebody waits for it, and not before
    std::deque<Operation> queue;       // what a late stream still has to do
    uint64_t asked = 0, done = 0;      // operations
};

struct Event {
    double milliseconds = 0;
    bool recorded = false;
    Stream* stream = nullptr;  // where it was recorded last, and after how many operations
    uint64_t position = 0;
    std::shared_ptr<Capture> capture;  // recorded inside one: streams that wait for it join
};

struct Module;
struct Function {
    Module* module;
    const EntryPoint* entry;
    int max_shared_bytes = 48 * 1024;
};

struct Module {
    void* library = nullptr;
    std::string path;
    std::map<std::string, std::unique_ptr<Function>> functions;
};

// Does an operation now, puts it off (a late stream), or adds it to the graph that the stream is captured into.
int submit(void* stream, Operation operation);

// Whether submit would do an operation before it returns.
bool is_immediate(void* stream);

// Does what late streams have put off.
int finish_all();

// Keeps a sentence for cuGetErrorString and returns the status.
int report(int status, const std::string& text);

// Name of the sources' state: modules compiled under another are refused.
const std::string& build_identity();

uint64_t hash_bytes(const std::string& bytes);

// A compiled module with its check sum; how long one is that starts at an address (0: it is none); whether it is whole.
std::string seal_image(const std::string& object);
size_t sealed_bytes(const void* image);
bool is_sealed(const std::string& image);

}  // namespace ldae_emulator

// libcuda.so.1 as far as the engine calls it: one device, its memory, modules, launches. Streams, events and graphs are in
// streams.cpp. Device pointers are host addresses.
// Modelled: checks of a launch (known function, block and shared memory within limits), statuses, capture.
// Not modelled: errors that stick to a context (the next call works again), asynchrony, more than one device.
#include "driver.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <mutex>

namespace ldae_emulator {
namespace {

struct { int number; const char *name, *text; } const statuses[] = {
    {Success, "CUDA_SUCCESS", "no error"},
    {InvalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NotInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NoDevice, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {InvalidDevice, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {InvalidImage, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {InvalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {InvalidHandle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NotFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {IllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LaunchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {MisalignedAddress, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {LaunchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CaptureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {CaptureInvalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
    {CaptureUnmatched, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not ended in the same stream as it began"},
};

std::mutex report_mutex;
std::map<int, std::string> reports;  // the last sentence for each status; entries stay where they are

constexpr char FolderPrefix[] = "ldae-emulator-";

void remove_folder(const std::string& path) {
    if (DIR* folder = opendir(path.c_str())) {
        while (dirent* entry = readdir(folder)) unlink((path + "/" + entry->d_name).c_str());
        closedir(folder);
    }
    rmdir(path.c_str());
}

// Processes that ended without notice (a kernel's fault under the address sanitizer) leave their folders: away with them.
void remove_stale_folders(const std::string& base) {
    DIR* folder = opendir(base.c_str());
    if (folder == nullptr) return;
    while (dirent* entry = readdir(folder)) {
        if (strncmp(entry->d_name, FolderPrefix, sizeof FolderPrefix - 1) != 0) continue;
        int process = atoi(entry->d_name + sizeof FolderPrefix - 1);
        if (process > 0 && kill(process, 0) != 0 && errno == ESRCH) remove_folder(base + "/" + entry->d_name);
    }
    closedir(folder);
}

struct TemporaryFolder {
    std::string path;
    std::mutex mutex;
    int modules = 0;
    TemporaryFolder() {
        const char* named = getenv("TMPDIR");
        std::string base = named != nullptr && *named != 0 ? named : "/tmp";
        remove_stale_folders(base);
        path = base + "/" + FolderPrefix + std::to_string(getpid());
        mkdir(path.c_str(), 0700);
    }
    std::string next_module() {
        std::lock_guard<std::mutex> lock(mutex);
        return path + "/module" + std::to_string(modules++) + ".so";
    }
};
TemporaryFolder temporary;

struct LoadedModules {  // removes the files of modules that were not unloaded
    std::mutex mutex;
    std::map<Module*, std::string> paths;
    ~LoadedModules() { remove_folder(temporary.path); }
};
LoadedModules loaded;

int context_token;  // its address is the only context

int launch_now(Function* function, uint3 grid, uint3 block, size_t shared_bytes, void** parameters) {
    Failure failure = run_launch({function->entry, grid, block, shared_bytes, parameters});
    return failure.status == 0 ? Success : report(failure.status, failure.text);
}

}  // namespace

int report(int status, const std::string& text) {
    std::lock_guard<std::mutex> lock(report_mutex);
    reports[status] = text;
    if (getenv("LDAE_EMULATOR_QUIET") == nullptr) fprintf(stderr, "emulator: %s\n", text.c_str());
    return status;
}


}  // namespace ldae_emulator

using namespace ldae_emulator;

// ---- device and context -------------------------------------------------------------------------------------------

LDAE_EXPORT int cuInit(unsigned) { return Success; }

LDAE_EXPORT int cuDriverGetVersion(int* version) {
    *version = 12040;
    return Success;
}

LDAE_EXPORT int cuDeviceGetCount(int* count) {
    *count = 1;
    return Success;
}

LDAE_EXPORT int cuDeviceGet(int* device, int ordinal) {
    *device = 0;
    return ordinal == 0 ? Success : InvalidDevice;
}

LDAE_EXPORT int cuDeviceGetName(char* name, int length, int) {
    snprintf(name, static_cast<size_t>(length), "emulated GPU (%d threads%s)", pool_size(), LDAE_SANITIZED ? ", address sanitizer" : "");
    return Success;
}

LDAE_EXPORT int cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
        case 1: *value = 1024; break;             // threads a block
        case 2: case 3: *value = 1024; break;     // block x, y
        case 4: *value = 64; break;               // block z
        case 5: *value = 2147483647; break;       // grid x
        case 6: case 7: *value = 65535; break;    // grid y, z
        case 8: *value = 48 * 1024; break;        // shared memory a block without asking for more
        case 10: *value = 32; break;              // warp
        case 12: *value = 65536; break;           // registers a block
        case 13: *value = 1000000; break;         // clock, kHz
        case 16: *value = 8; break;               // multiprocessors: enough that kernels split work, few enough to be fast
        case 36: *value = 1000000; break;         // memory clock, kHz
        case 37: *value = 64; break;              // bus width
        case 38: *value = 4 * 1024 * 1024; break; // L2
        case 39: *value = 2048; break;            // threads a multiprocessor
        case 75: *value = 8; break;               // compute capability 8.0
        case 76: *value = 0; break;
        case 81: *value = 164 * 1024; break;      // shared memory a multiprocessor
        case 97: *value = 163 * 1024; break;      // shared memory a block, opted in
        case 106: *value = 32; break;             // blocks a multiprocessor
        case 115: *value = 1; break;              // memory pools
        default: *value = 0; break;
    }
    return Success;
}

LDAE_EXPORT int cuDeviceTotalMem_v2(size_t* bytes, int) {
    *bytes = device_bytes();
    return Success;
}

LDAE_EXPORT int cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
    cuDeviceTotalMem_v2(total, 0);
    size_t used = allocated_bytes();
    *free_bytes = used < *total ? *total - used : 0;
    return Success;
}

LDAE_EXPORT int cuDevicePrimaryCtxRetain(void** context, int device) {
    *context = &context_token;
    return device == 0 ? Success : InvalidDevice;
}

LDAE_EXPORT int cuDevicePrimaryCtxRelease_v2(int) { return Success; }
LDAE_EXPORT int cuCtxSetCurrent(void* context) { return context == nullptr || context == &context_token ? Success : InvalidContext; }
LDAE_EXPORT int cuCtxGetCurrent(void** context) { *context = &context_token; return Success; }
LDAE_EXPORT int cuCtxSynchronize() { return finish_all(); }

LDAE_EXPORT int cuGetErrorName(int status, const char** name) {
    for (const auto& known : statuses) {
        if (known.number == status) { *name = known.name; return Success; }
    }
    *name = nullptr;
    return InvalidValue;
}

// The driver's general sentence, or what the emulator knows about the last error of this kind.
LDAE_EXPORT int cuGetErrorString(int status, const char** text) {
    std::lock_guard<std::mutex> lock(report_mutex);
    auto found = reports.find(status);
    if (found != reports.end()) { *text = found->second.c_str(); return Success; }
    for (const auto& known : statuses) {
        if (known.number == status) { *text = known.text; return Success; }
    }
    *text = nullptr;
    return InvalidValue;
}

// ---- modules --------------------------------------------------------------------------------------------------------

// Writes an image to a file. The system call reads it, and says so instead of crashing where a truncated one ends.
static bool write_image(const std::string& path, const void* image, size_t bytes) {
    int file = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (file < 0) return false;
    std::string copy(bytes, '\0');
    bool whole = write(file, image, bytes) == static_cast<ssize_t>(bytes) &&
                 pread(file, copy.data(), bytes, 0) == static_cast<ssize_t>(bytes) && is_sealed(copy);
    close(file);
    if (!whole) unlink(path.c_str());
    return whole;
}

LDAE_EXPORT int cuModuleLoadData(void** result, const void* image) {
    size_t bytes = sealed_bytes(image);
    if (bytes == 0 || bytes > 1u << 30) return InvalidImage;
    auto module = std::make_unique<Module>();
    module->path = temporary.next_module();
    if (!write_image(module->path, image, bytes)) return report(InvalidImage, "the module is damaged, or cannot be written to " + module->path);
    module->library = dlopen(module->path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (module->library == nullptr) {
        std::string why = dlerror();
        unlink(module->path.c_str());
        return report(InvalidImage, why);
    }
    auto identity = reinterpret_cast<const char*>(dlsym(module->library, "ldae_build_identity"));
    auto set_hooks = reinterpret_cast<void (*)(const Hooks*)>(dlsym(module->library, "ldae_set_hooks"));
    if (set_hooks == nullptr || identity == nullptr || build_identity() != identity) {
        dlclose(module->library);
        unlink(module->path.c_str());
        return report(InvalidImage, "the module was compiled by another build of the emulator");
    }
    set_hooks(&hooks);
    std::lock_guard<std::mutex> lock(loaded.mutex);
    loaded.paths[module.get()] = module->path;
    *result = module.release();
    return Success;
}

LDAE_EXPORT int cuModuleLoadDataEx(void** module, const void* image, unsigned, int*, void**) {
    return cuModuleLoadData(module, image);
}

LDAE_EXPORT int cuModuleUnload(void* handle) {
    auto* module = static_cast<Module*>(handle);
    finish_all();
    {
        std::lock_guard<std::mutex> lock(loaded.mutex);
        if (loaded.paths.erase(module) == 0) return InvalidHandle;
    }
    dlclose(module->library);
    unlink(module->path.c_str());
    delete module;
    return Success;
}

LDAE_EXPORT int cuModuleGetFunction(void** result, void* handle, const char* name) {
    auto* module = static_cast<Module*>(handle);
    std::lock_guard<std::mutex> lock(loaded.mutex);
    auto& function = module->functions[name];
    if (function == nullptr) {
        auto* entry = static_cast<const EntryPoint*>(dlsym(module->library, (std::string("ldae_entry_") + name).c_str()));
        if (entry == nullptr) {
            module->functions.erase(name);
            return NotFound;
        }
        function = std::make_unique<Function>(Function{module, entry});
    }
    *result = function.get();
    return Success;
}

LDAE_EXPORT int cuFuncGetAttribute(int* value, int attribute, void* handle) {
    auto* function = static_cast<Function*>(handle);
    switch (attribute) {
        case 0: *value = 1024; break;                         // threads a block
        case 4: *value = 32; break;                           // registers: there are none to count
        case 8: *value = function->max_shared_bytes; break;   // dynamic shared memory it may be launched with
        default: *value = 0; break;                           // static shared, constant and local memory: none
    }
    return Success;
}

LDAE_EXPORT int cuFuncSetAttribute(void* handle, int attribute, int value) {
    if (attribute != 8) return attribute == 9 ? Success : InvalidValue;  // 9: how to split L1 and shared memory
    if (value < 0 || value > 163 * 1024) return InvalidValue;
    static_cast<Function*>(handle)->max_shared_bytes = value;
    return Success;
}

LDAE_EXPORT int cuLaunchKernel(void* handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                               unsigned block_z, unsigned shared_bytes, void* stream, void** parameters, void** extra) {
    auto* function = static_cast<Function*>(handle);
    std::string name = std::string("kernel ") + function->entry->name + ": ";
    uint64_t threads = static_cast<uint64_t>(block_x) * block_y * block_z;
    if (extra != nullptr) return report(InvalidValue, name + "the emulator takes parameters as an array of addresses");
    if (threads == 0 || threads > 1024 || block_z > 64) return report(InvalidValue, name + "a block of " + std::to_string(threads) + " threads");
    if (grid_x == 0 || grid_y == 0 || grid_z == 0 || grid_x > 2147483647u || grid_y > 65535 || grid_z > 65535) {
        return report(InvalidValue, name + "a grid of " + std::to_string(grid_x) + " x " + std::to_string(grid_y) + " x " + std::to_string(grid_z));
    }
    if (shared_bytes > static_cast<unsigned>(function->max_shared_bytes)) {
        return report(InvalidValue, name + std::to_string(shared_bytes) + " bytes of shared memory, allowed are " + std::to_string(function->max_shared_bytes));
    }
    uint3 grid = {grid_x, grid_y, grid_z}, block = {block_x, block_y, block_z};
    if (is_immediate(stream)) {
        return launch_now(function, grid, block, shared_bytes, parameters);
    }
    // Captured or put off: the parameters' values are copied, as the driver does.
    std::vector<std::vector<unsigned char>> values;
    for (int i = 0; i < function->entry->parameter_count; i++) {
        auto* from = static_cast<unsigned char*>(parameters[i]);
        values.emplace_back(from, from + function->entry->parameter_sizes[i]);
    }
    return submit(stream, [=]() mutable {
        std::vector<void*> addresses;
        for (auto& value : values) addresses.push_back(value.data());
        return launch_now(function, grid, block, shared_bytes, addresses.data());
    });
}

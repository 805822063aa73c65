// Streams, events, copies and graphs of the driver. Whatever a stream is asked is done before the call returns, so a stream
// is always idle and an event always reached; a stream under capture adds to a list instead, which a graph replays.
// A late stream does nothing until the host waits for it, or another stream's turn comes to wait for one of its events: what a
// missing wait would read or overwrite is then wrong for sure. LDAE_EMULATOR_STREAMS=late makes all streams late, =even and =odd those
// of even and odd number in the order of creation: of two neighbours, each is so once as far ahead of the other as their events allow.
// Modelled: capture across streams that wait for each other's events; calls that a capture forbids; pinned memory that is read late.
// Not modelled: overlap in time. Without late streams a missing wait between them, or for a copy to the host, goes unseen.
#include "driver.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>

namespace ldae_emulator {
namespace {

Stream default_stream;
std::mutex mutex;
std::set<Stream*> streams;

std::map<char*, size_t> pinned;  // page-locked memory: copies from it read it when they run

Stream* stream_of(void* handle) { return handle == nullptr ? &default_stream : static_cast<Stream*>(handle); }

double now_milliseconds() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What LDAE_EMULATOR_STREAMS says of the stream that is created next.
bool next_is_late() {
    static const char* kind = getenv("LDAE_EMULATOR_STREAMS");
    static int created = 0;
    bool odd = created++ % 2 == 1;
    return kind != nullptr && (strcmp(kind, "late") == 0 || strcmp(kind, odd ? "odd" : "even") == 0);
}

// Does what a late stream was asked, up to a number of operations; the first failure counts, as the rest goes on.
int finish(Stream* stream, uint64_t position) {
    int status = Success;
    while (stream->done < position) {
        Operation operation = std::move(stream->queue.front());
        stream->queue.pop_front();
        int found = operation();
        stream->done++;
        if (status == Success) status = found;
    }
    return status;
}

bool is_pinned(const void* address) {
    auto next = pinned.upper_bound(const_cast<char*>(static_cast<const char*>(address)));
    return next != pinned.begin() && static_cast<const char*>(address) < std::prev(next)->first + std::prev(next)->second;
}

}  // namespace

int submit(void* handle, Operation operation) {
    Stream* stream = stream_of(handle);
    if (is_immediate(handle)) return operation();
    if (stream->capture != nullptr) {
        stream->capture->operations.push_back(std::move(operation));
    } else {
        stream->queue.push_back(std::move(operation));
        stream->asked++;
    }
    return Success;
}

bool is_immediate(void* handle) {
    Stream* stream = stream_of(handle);
    return stream->capture == nullptr && !stream->late;
}

int finish_all() {
    int status = Success;
    for (Stream* stream : streams) {
        int found = finish(stream, stream->asked);
        if (status == Success) status = found;
    }
    return status;
}

}  // namespace ldae_emulator

using namespace ldae_emulator;

LDAE_EXPORT int cuStreamCreate(void** result, unsigned) {
    auto* stream = new Stream();
    stream->late = next_is_late();
    std::lock_guard<std::mutex> lock(mutex);
    streams.insert(stream);
    *result = stream;
    return Success;
}

LDAE_EXPORT int cuStreamDestroy_v2(void* handle) {
    auto* stream = static_cast<Stream*>(handle);
    if (streams.count(stream) != 0) finish(stream, stream->asked);
    std::lock_guard<std::mutex> lock(mutex);
    if (streams.erase(stream) == 0) return InvalidHandle;
    delete stream;
    return Success;
}

LDAE_EXPORT int cuStreamSynchronize(void* handle) {
    Stream* stream = stream_of(handle);
    return stream->capture == nullptr ? finish(stream, stream->asked) : CaptureUnsupported;
}

LDAE_EXPORT int cuStreamQuery(void* handle) { return cuStreamSynchronize(handle); }

LDAE_EXPORT int cuStreamWaitEvent(void* handle, void* event_handle, unsigned) {
    auto* event = static_cast<Event*>(event_handle);
    Stream* stream = stream_of(handle);
    if (event->capture == nullptr && stream->capture != nullptr) return report(CaptureInvalidated, "a captured stream waits for an event from outside of the capture");
    if (event->capture == nullptr) {
        // What counts is where the event stands now, not where it will be recorded again.
        return submit(handle, [other = event->stream, position = event->position] { return streams.count(other) != 0 ? finish(other, position) : Success; });
    }
    if (stream->capture != nullptr && stream->capture != event->capture) return CaptureInvalidated;
    stream->capture = event->capture;
    return Success;
}

// ---- events -------------------------------------------------------------------------------------------------------

LDAE_EXPORT int cuEventCreate(void** result, unsigned) {
    *result = new Event();
    return Success;
}

LDAE_EXPORT int cuEventSynchronize(void* handle);

LDAE_EXPORT int cuEventDestroy_v2(void* handle) {
    cuEventSynchronize(handle);
    delete static_cast<Event*>(handle);
    return Success;
}

LDAE_EXPORT int cuEventRecord(void* handle, void* stream) {
    auto* event = static_cast<Event*>(handle);
    event->capture = stream_of(stream)->capture;
    event->recorded = event->capture == nullptr;
    event->stream = stream_of(stream);
    if (event->recorded) {
        submit(stream, [event] {
            event->milliseconds = now_milliseconds();
            return static_cast<int>(Success);
        });
    }
    event->position = event->stream->asked;
    return Success;
}

LDAE_EXPORT int cuEventSynchronize(void* handle) {
    auto* event = static_cast<Event*>(handle);
    if (event->capture != nullptr) return CaptureUnsupported;
    return event->recorded && streams.count(event->stream) != 0 ? finish(event->stream, event->position) : Success;
}

LDAE_EXPORT int cuEventQuery(void* handle) { return cuEventSynchronize(handle); }

LDAE_EXPORT int cuEventElapsedTime(float* milliseconds, void* from, void* to) {
    auto *first = static_cast<Event*>(from), *last = static_cast<Event*>(to);
    if (!first->recorded || !last->recorded) return InvalidHandle;
    *milliseconds = static_cast<float>(last->milliseconds - first->milliseconds);
    return Success;
}

LDAE_EXPORT int cuEventElapsedTime_v2(float* milliseconds, void* from, void* to) { return cuEventElapsedTime(milliseconds, from, to); }

// ---- memory -------------------------------------------------------------------------------------------------------

static int allocate(void** result, size_t bytes) {
    if (bytes == 0) return InvalidValue;
    *result = allocate_guarded(bytes);
    return *result != nullptr ? Success : OutOfMemory;
}

static int release(void* address) {
    if (address == nullptr) return Success;
    std::string damage;
    if (!release_guarded(address, &damage)) return report(InvalidValue, "an address is freed that was not allocated, or twice");
    return damage.empty() ? Success : report(IllegalAddress, damage);
}

LDAE_EXPORT int cuMemAlloc_v2(void** result, size_t bytes) { return allocate(result, bytes); }
LDAE_EXPORT int cuMemFree_v2(void* address) {
    finish_all();
    return release(address);
}

LDAE_EXPORT int cuMemAllocAsync(void** result, size_t bytes, void* stream) {
    if (stream_of(stream)->capture != nullptr) return report(CaptureUnsupported, "memory is allocated inside a capture");
    return allocate(result, bytes);
}

LDAE_EXPORT int cuMemFreeAsync(void* address, void* stream) {
    if (stream_of(stream)->capture != nullptr) return report(CaptureUnsupported, "memory is freed inside a capture");
    return submit(stream, [address] { return release(address); });
}

LDAE_EXPORT int cuMemAllocHost_v2(void** result, size_t bytes) {
    *result = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (*result != nullptr) pinned[static_cast<char*>(*result)] = bytes;
    return *result != nullptr ? Success : OutOfMemory;
}

LDAE_EXPORT int cuMemHostAlloc(void** result, size_t bytes, unsigned) { return cuMemAllocHost_v2(result, bytes); }

LDAE_EXPORT int cuMemFreeHost(void* address) {
    finish_all();
    pinned.erase(static_cast<char*>(address));
    free(address);
    return Success;
}

// `device` is the side, or one of the sides, that must lie in device memory.
static int copy(const char* call, const void* device, void* to, const void* from, size_t bytes, void* stream) {
    std::string wrong = bytes == 0 ? "" : check_range(device, bytes);
    if (!wrong.empty()) return report(InvalidValue, std::string(call) + ": " + wrong);
    return submit(stream, [=] {
        memmove(to, from, bytes);
        return static_cast<int>(Success);
    });
}

LDAE_EXPORT int cuMemcpyHtoDAsync_v2(void* to, const void* from, size_t bytes, void* stream) {
    if (!is_immediate(stream) && stream_of(stream)->capture == nullptr && !is_pinned(from)) {
        // Pageable memory has been read when the call returns.
        std::string wrong = bytes == 0 ? "" : check_range(to, bytes);
        if (!wrong.empty()) return report(InvalidValue, "cuMemcpyHtoDAsync: " + wrong);
        auto* start = static_cast<const char*>(from);
        return submit(stream, [to, kept = std::vector<char>(start, start + bytes)] {
            memmove(to, kept.data(), kept.size());
            return static_cast<int>(Success);
        });
    }
    return copy("cuMemcpyHtoDAsync", to, to, from, bytes, stream);
}

LDAE_EXPORT int cuMemcpyDtoHAsync_v2(void* to, void* from, size_t bytes, void* stream) {
    return copy("cuMemcpyDtoHAsync", from, to, from, bytes, stream);
}

LDAE_EXPORT int cuMemcpyDtoDAsync_v2(void* to, void* from, size_t bytes, void* stream) {
    std::string wrong = bytes == 0 ? "" : check_range(to, bytes);
    if (!wrong.empty()) return report(InvalidValue, "cuMemcpyDtoDAsync: " + wrong);
    return copy("cuMemcpyDtoDAsync", from, to, from, bytes, stream);
}

template <typename T> static int fill(void* to, T value, size_t count, void* stream) {
    if (reinterpret_cast<uintptr_t>(to) % sizeof(T) != 0) return InvalidValue;
    std::string wrong = count == 0 ? "" : check_range(to, count * sizeof(T));
    if (!wrong.empty()) return report(InvalidValue, "cuMemsetD" + std::to_string(8 * sizeof(T)) + "Async: " + wrong);
    return submit(stream, [=] {
        for (size_t i = 0; i < count; i++) static_cast<T*>(to)[i] = value;
        return static_cast<int>(Success);
    });
}

LDAE_EXPORT int cuMemsetD8Async(void* to, unsigned char value, size_t count, void* stream) { return fill(to, value, count, stream); }
LDAE_EXPORT int cuMemsetD16Async(void* to, unsigned short value, size_t count, void* stream) { return fill(to, value, count, stream); }
LDAE_EXPORT int cuMemsetD32Async(void* to, unsigned value, size_t count, void* stream) { return fill(to, value, count, stream); }

// ---- graphs -------------------------------------------------------------------------------------------------------

LDAE_EXPORT int cuStreamBeginCapture_v2(void* handle, int) {
    Stream* stream = stream_of(handle);
    if (handle == nullptr || stream->capture != nullptr) return CaptureUnsupported;
    stream->capture = std::make_shared<Capture>();
    return Success;
}

LDAE_EXPORT int cuStreamEndCapture(void* handle, void** graph) {
    Stream* stream = stream_of(handle);
    *graph = nullptr;
    std::shared_ptr<Capture> capture = stream->capture;
    if (capture == nullptr) return CaptureUnmatched;
    std::lock_guard<std::mutex> lock(mutex);
    for (Stream* other : streams) {
        if (other->capture == capture) other->capture = nullptr;
    }
    *graph = new Capture(*capture);
    return Success;
}

LDAE_EXPORT int cuStreamIsCapturing(void* handle, int* status) {
    *status = stream_of(handle)->capture != nullptr;
    return Success;
}

LDAE_EXPORT int cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long) {
    *executable = new Capture(*static_cast<Capture*>(graph));
    return Success;
}

LDAE_EXPORT int cuGraphLaunch(void* executable, void* stream) {
    auto* graph = static_cast<Capture*>(executable);
    for (const Operation& operation : graph->operations) {
        int status = submit(stream, operation);
        if (status != Success) return status;
    }
    return Success;
}

LDAE_EXPORT int cuGraphDestroy(void* graph) {
    delete static_cast<Capture*>(graph);
    return Success;
}

LDAE_EXPORT int cuGraphExecDestroy(void* executable) {
    delete static_cast<Capture*>(executable);
    return Success;
}

// Mutant: a tile comes in by asynchronous copies. With MUTANT=1 the wait lets the last group still be under way.
#include "common/portable.cuh"

extern "C" __global__ void run(const float* x, float* y, int count) {
    SHARED_MEMORY(memory);
    float* values = reinterpret_cast<float*>(memory);
    if (4 * static_cast<int>(threadIdx.x) < count) {
        copy_async_16(values + 4 * threadIdx.x, x + 4 * threadIdx.x);
    }
    copy_async_commit();
    copy_async_wait<MUTANT>();
    block_barrier();
    y[threadIdx.x] = values[count - 1 - threadIdx.x];
}

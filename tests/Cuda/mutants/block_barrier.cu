// Mutant: threads read what other warps wrote to shared memory. With MUTANT=1 the barrier between the two is missing.
#include "common/portable.cuh"

extern "C" __global__ void run(const float* x, float* y, int count) {
    SHARED_MEMORY(memory);
    float* values = reinterpret_cast<float*>(memory);
    values[threadIdx.x] = x[threadIdx.x];
#if !MUTANT
    block_barrier();
#endif
    y[threadIdx.x] = values[count - 1 - threadIdx.x];
}

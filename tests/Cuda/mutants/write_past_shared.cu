// Mutant: each thread keeps a value in shared memory. With MUTANT=1 the last thread's lies behind the end of it.
#include "common/portable.cuh"

extern "C" __global__ void run(const float* x, float* y, int count) {
    SHARED_MEMORY(memory);
    float* values = reinterpret_cast<float*>(memory);
    const int place = MUTANT ? threadIdx.x + 1 : threadIdx.x;
    values[place] = x[threadIdx.x];
    y[threadIdx.x] = values[place];
}

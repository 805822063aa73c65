// Mutant: a sum over a tensor. With MUTANT=1 it goes one element too far, into the tensor behind it.
#include "common/portable.cuh"

extern "C" __global__ void run(const float* x, float* y, int count) {
    float sum = 0.0f;
    for (int i = 0; i < count + MUTANT; i++) {
        sum += x[i];
    }
    y[threadIdx.x] = sum;
}

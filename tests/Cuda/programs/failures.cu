// What the emulator must refuse, one small kernel each; EmulatorFailureTests says with which words.
#include "common/portable.cuh"

extern "C" __global__ void waits_for_ever(float* y, int first) {
    if (static_cast<int>(threadIdx.x) < first) {
        block_barrier();
    } else {
        warp_barrier();
        block_barrier();
        block_barrier();
    }
    y[threadIdx.x] = 1.0f;
}

extern "C" __global__ void split_warp(float* y, int first) {
    float value = threadIdx.x;
    if (static_cast<int>(threadIdx.x) < first) {
        value = shuffle_xor(value, 1);
    } else {
        value = shuffle_xor(value, 1);
    }
    y[threadIdx.x] = value;
}

extern "C" __global__ void reads_beyond(float* y, int distance) { y[threadIdx.x] = y[static_cast<int>(threadIdx.x) + distance]; }

extern "C" __global__ void copies_crooked(float* y, int distance) {
    SHARED_MEMORY(memory);
    copy_async_16(memory, y + distance);
}

extern "C" __global__ void loads_beyond(float* y, int distance) {
    SHARED_MEMORY(memory);
    unsigned registers[4];
    load_matrix_x4(registers, memory + 16 * threadIdx.x + distance);
    y[threadIdx.x] = bits_float(registers[0]);
}

extern "C" __global__ void too_few_lanes(float* y, int lanes) {
    if (static_cast<int>(threadIdx.x) < lanes) {
        unsigned a[4] = {}, b[2] = {};
        float d[4] = {};
        mma_bf16_16x8x16(d, a, b);
        y[threadIdx.x] = d[0];
    }
}

extern "C" __global__ void divides(int* y, int by) { y[threadIdx.x] = static_cast<int>(blockDim.x + 6) / by; }

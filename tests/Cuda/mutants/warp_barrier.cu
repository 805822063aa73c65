// Mutant: the lanes of a warp write a tile that ldmatrix then reads by rows. With MUTANT=1 the warp's barrier between the two
// is missing: ldmatrix waits for all lanes, but does not order what they wrote before.
#include "common/portable.cuh"

extern "C" __global__ void run(const float* x, float* y, int count) {
    SHARED_MEMORY(memory);
    bf16* tile = reinterpret_cast<bf16*>(memory) + threadIdx.x / 32 * 256;
    const int lane = threadIdx.x % 32;
    for (int i = 0; i < 8; i++) {
        tile[32 * i + lane] = to_bf16(x[threadIdx.x]);
    }
#if !MUTANT
    warp_barrier();
#endif
    unsigned matrices[4];
    load_matrix_x4(matrices, tile + 8 * lane);
    float sum = 0.0f;
    for (int m = 0; m < 4; m++) {
        sum += unpack_bf16_low(matrices[m]) + unpack_bf16_high(matrices[m]);
    }
    // Elements 2 (lane % 4) and the next of row lane / 4 of each matrix: written by the lanes of the same number modulo 32.
    y[threadIdx.x] = sum / 8.0f;
}

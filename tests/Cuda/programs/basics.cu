// What the emulator must do right, one small kernel each; EmulatorTests says what is expected.
#include "common/portable.cuh"

extern "C" __global__ void add(const float* a, const float* b, float* c, int count) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) { c[i] = a[i] + b[i]; }
}

// One sum a block, by a tree in shared memory.
extern "C" __global__ void __launch_bounds__(256) block_sum(const float* x, float* sums, int count) {
    SHARED_MEMORY(memory);
    float* parts = reinterpret_cast<float*>(memory);
    const int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
    parts[t] = i < count ? x[i] : 0.0f;
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        block_barrier();
        if (t < half) { parts[t] += parts[t + half]; }
    }
    if (t == 0) { sums[blockIdx.x] = parts[0]; }
}

// Per thread: the warp's sum by a butterfly, the value two lanes on, lane 5's value, and the votes on x > 0.
extern "C" __global__ void exchange(const float* x, float* y, int count) {
    const float value = x[threadIdx.x];
    float sum = value;
    for (int mask = 16; mask > 0; mask /= 2) { sum += shuffle_xor(sum, mask); }
    const float later = shuffle_down(value, 2), fifth = shuffle(value, 5);
    const unsigned votes = warp_ballot(value > 0.0f);
    const bool any = warp_any(value > 0.0f), all = warp_all(value > 0.0f);
    float* row = y + 6 * threadIdx.x;
    row[0] = sum;
    row[1] = later;
    row[2] = fifth;
    row[3] = votes >> threadIdx.x % 32 & 1;
    row[4] = any;
    row[5] = all;
}

// D (16x8) = A (16x16) B, B given by columns ([8][16]) or, transposed, by rows ([16][8]); one warp.
__device__ __forceinline__ void product(const bf16* a, const bf16* b, float* d, bool by_rows) {
    SHARED_MEMORY(memory);
    bf16 *tile_a = reinterpret_cast<bf16*>(memory), *tile_b = tile_a + 256;
    const int lane = threadIdx.x;
    copy_async_16(tile_a + 8 * lane, a + 8 * lane);
    copy_async_commit();
    if (lane < 16) { copy_async_16(tile_b + 8 * lane, b + 8 * lane, 16); }
    copy_async_commit();
    copy_async_wait<1>();
    copy_async_wait<0>();
    warp_barrier();
    unsigned left[4], right[2];
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    load_matrix_x4(left, tile_a + lane % 16 * 16 + lane / 16 * 8);
    if (by_rows) { load_matrix_x2_transposed(right, tile_b + lane % 16 * 8); }
    else { load_matrix_x2(right, tile_b + lane % 8 * 16 + lane / 8 % 2 * 8); }
    mma_bf16_16x8x16(sums, left, right);
    const int row = lane / 4, column = lane % 4 * 2;
    d[row * 8 + column] = sums[0];
    d[row * 8 + column + 1] = sums[1];
    d[(row + 8) * 8 + column] = sums[2];
    d[(row + 8) * 8 + column + 1] = sums[3];
}
extern "C" __global__ void product_by_columns(const bf16* a, const bf16* b, float* d, int) { product(a, b, d, false); }
extern "C" __global__ void product_by_rows(const bf16* a, const bf16* b, float* d, int) { product(a, b, d, true); }

// An edge copied by 7 of 16 bytes, beside the content of shared memory before it is written.
extern "C" __global__ void edges(const float* x, float* y, int bytes) {
    SHARED_MEMORY(memory);
    float* values = reinterpret_cast<float*>(memory);
    copy_async_16(values, x, bytes);
    copy_async_commit();
    y[8] = values[0];  // under way: NaN
    copy_async_wait<0>();
    for (int i = 0; i < 8; i++) { y[i] = values[i]; }
}

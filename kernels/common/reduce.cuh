// Sums and maxima over the threads of a warp or a block, always in the same order: the same input gives the same bits.
//
// A warp adds by a butterfly: in five rounds every lane adds the value of the lane whose number differs in one bit.
//
//     lane   0    1    2    3          after round 1      after round 2
//     value  a    b    c    d          a+b a+b c+d c+d    (a+b)+(c+d) in all four
//
// Addition commutes, so all lanes end with the same bits, without a broadcast.
#pragma once
#include "common/portable.cuh"

// Sum over groups of LANES neighbouring lanes (a power of two); every lane of a group gets it.
template <int LANES>
__device__ __forceinline__ float lanes_sum(float value)
{
    #pragma unroll
    for (int mask = LANES / 2; mask > 0; mask /= 2) { value += shuffle_xor(value, mask); }
    return value;
}

__device__ __forceinline__ float warp_sum(float value) { return lanes_sum<32>(value); }

__device__ __forceinline__ float warp_max(float value)
{
    #pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) { value = fmaxf(value, shuffle_xor(value, mask)); }
    return value;
}

// Sums K values over groups of THREADS threads, a multiple of 32 that divides the block; every thread of a group gets them.
// Warps leave their sums in `scratch` (K floats a warp of the block) and every thread adds the group's warps in ascending order.
// All threads of the block must come here together, the same number of times.
template <int THREADS, int K>
__device__ __forceinline__ void group_sums(float (&values)[K], float* scratch)
{
    #pragma unroll
    for (int k = 0; k < K; k++) { values[k] = warp_sum(values[k]); }
    if constexpr (THREADS > 32)
    {
        const int warp = threadIdx.x / 32, first = threadIdx.x / THREADS * (THREADS / 32);
        if (threadIdx.x % 32 == 0)
        {
            for (int k = 0; k < K; k++) { scratch[warp * K + k] = values[k]; }
        }
        block_barrier();
        for (int k = 0; k < K; k++)
        {
            float sum = 0.0f;
            for (int w = 0; w < THREADS / 32; w++) { sum += scratch[(first + w) * K + k]; }
            values[k] = sum;
        }
        block_barrier();  // The next sums may be written only after all threads have read these.
    }
}

// Adds up one column of a table [rows, stride] with all eight warps of a block of 256: warp w takes rows w, w + 8, ..., lane l the
// block's l-th column; warp 0 gets the sums and adds the eight parts in order. `scratch` holds 256 floats.
__device__ __forceinline__ float column_sum(const float* table, int rows, long long stride, bool inside, float* scratch)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    float sum = 0.0f;
    for (int row = warp; row < rows && inside; row += 8) { sum += table[row * stride]; }
    scratch[warp * 32 + lane] = sum;
    block_barrier();
    float total = 0.0f;
    if (warp == 0)
    {
        for (int w = 0; w < 8; w++) { total += scratch[w * 32 + lane]; }
    }
    block_barrier();
    return total;
}

// Adds up `count` values with one block of 256 threads; thread 0 gets the sum. `scratch` holds 8 floats.
__device__ __forceinline__ float array_sum(const float* values, int count, int stride, float* scratch)
{
    float sum[1] = { 0.0f };
    for (int i = threadIdx.x; i < count; i += 256) { sum[0] += values[static_cast<long long>(i) * stride]; }
    group_sums<256, 1>(sum, scratch);
    return sum[0];
}

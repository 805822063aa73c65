// Patches on principal components and back, for latent_noise.cu and pca_loss.cu.
//
// A group of PATCH_LANES lanes holds PATCH_ROWS patches at once, all of each in registers: quad q of lane l is columns
// 4 (q PATCH_LANES + l) and the three after it. A component is read once for the PATCH_ROWS patches, so each of its values
// serves PATCH_ROWS multiplications; it comes from the L1 cache, which holds the whole basis (32 x 768 floats: 98 KB).
//
//     component k:    |l0|l1|l2| .. |l31|l0| ..         16 bytes a lane
//     patch r = 0..3: |l0|l1|l2| .. |l31|l0| ..         in registers:    sum[k, r] += component . patch
//
// What a lane has then is its share of each sum. Adding 32 shares over 32 lanes by butterflies would take 5 shuffles a sum;
// transpose_sum adds PATCH_LANES different sums together and takes PATCH_LANES - 1 shuffles for all of them: in each round a
// lane sends the half of its sums that its partner finishes, and keeps the other half.
#pragma once
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"

#ifndef PATCH_LANES
#define PATCH_LANES 32
#endif
#ifndef PATCH_QUADS
#define PATCH_QUADS 6
#endif
#ifndef PATCH_ROWS
#define PATCH_ROWS 4
#endif

// Components that are projected on together: with PATCH_ROWS patches they make PATCH_LANES sums.
constexpr int COMPONENTS = PATCH_LANES / PATCH_ROWS;
constexpr int PROJECTION_THREADS = 128;
constexpr int GROUPS = PROJECTION_THREADS / PATCH_LANES;

struct Patches { float value[PATCH_ROWS][PATCH_QUADS][4]; };

__device__ __forceinline__ int group_lane() { return threadIdx.x % PATCH_LANES; }
__device__ __forceinline__ int quad_column(int quad) { return 4 * (quad * PATCH_LANES + group_lane()); }

// The group's first patch.
__device__ __forceinline__ long long first_patch()
{
    return (static_cast<long long>(blockIdx.x) * GROUPS + threadIdx.x / PATCH_LANES) * PATCH_ROWS;
}

// The group's part of shared memory: PATCH_ROWS values a component, components rounded up to whole turns.
__device__ __forceinline__ float* group_memory(unsigned char* memory, int components)
{
    const int turns = (components + COMPONENTS - 1) / COMPONENTS;
    return reinterpret_cast<float*>(memory) + threadIdx.x / PATCH_LANES * (turns * PATCH_LANES);
}

// One round: partners differ in bit HALF of their lane; the upper one finishes sums HALF .. 2 HALF - 1, the lower one the others.
// By recursion, as every index must be known to the compiler: an array indexed at run time would live in memory.
template <int HALF>
__device__ __forceinline__ void transpose_round(float (&v)[PATCH_LANES])
{
    if constexpr (HALF > 0)
    {
        const bool upper = (group_lane() & HALF) != 0;
        #pragma unroll
        for (int i = 0; i < HALF; i++)
        {
            const float given = upper ? v[i] : v[i + HALF];
            v[i] = (upper ? v[i + HALF] : v[i]) + shuffle_xor(given, HALF);
        }
        transpose_round<HALF / 2>(v);
    }
}

// v[i] summed over the group's lanes, for lane i.
__device__ __forceinline__ float transpose_sum(float (&v)[PATCH_LANES])
{
    transpose_round<PATCH_LANES / 2>(v);
    return v[0];
}

// This lane's share of the products of one component with the group's patches.
__device__ __forceinline__ void add_products(const Patches& patches, const float* component, int columns, float (&share)[PATCH_ROWS])
{
    #pragma unroll
    for (int q = 0; q < PATCH_QUADS; q++)
    {
        float b[4];
        load_columns(component, quad_column(q), columns, b);
        #pragma unroll
        for (int r = 0; r < PATCH_ROWS; r++)
        {
            #pragma unroll
            for (int i = 0; i < 4; i++) { share[r] += b[i] * patches.value[r][q][i]; }
        }
    }
}

// Projects the group's patches on components first .. first + COMPONENTS - 1. Lane l gets the sum of component
// first + l / PATCH_ROWS and patch l % PATCH_ROWS; zero past the last component.
__device__ __forceinline__ float project(const Patches& patches, const float* __restrict__ basis, int first, int components, int columns)
{
    if constexpr (PATCH_ROWS == 1)
    {
        // Long patches: a transposed sum would want all components unrolled, thousands of instructions that the instruction cache
        // does not hold. With 96 multiplications a lane and component the five shuffles of a butterfly are no matter.
        float own = 0.0f;
        #pragma unroll 1
        for (int k = 0; k < COMPONENTS; k++)
        {
            float share[PATCH_ROWS] = {};
            if (first + k < components) { add_products(patches, basis + static_cast<long long>(first + k) * columns, columns, share); }
            const float sum = lanes_sum<PATCH_LANES>(share[0]);
            own = group_lane() == k ? sum : own;
        }
        return own;
    }
    else
    {
        float sums[PATCH_LANES];
        #pragma unroll
        for (int k = 0; k < COMPONENTS; k++)
        {
            float share[PATCH_ROWS] = {};
            if (first + k < components) { add_products(patches, basis + static_cast<long long>(first + k) * columns, columns, share); }
            #pragma unroll
            for (int r = 0; r < PATCH_ROWS; r++) { sums[k * PATCH_ROWS + r] = share[r]; }
        }
        return transpose_sum(sums);
    }
}

// patches += sum over k of latents[k, r] component k. `latents` is the group's shared memory; a warp_barrier is the caller's.
__device__ __forceinline__ void back_project(Patches& patches, const float* __restrict__ basis, const float* latents, int components, int columns)
{
    #pragma unroll 1
    for (int k = 0; k < components; k++)
    {
        const float* component = basis + static_cast<long long>(k) * columns;
        float z[PATCH_ROWS];
        #pragma unroll
        for (int r = 0; r < PATCH_ROWS; r++) { z[r] = latents[k * PATCH_ROWS + r]; }
        #pragma unroll
        for (int q = 0; q < PATCH_QUADS; q++)
        {
            float b[4];
            load_columns(component, quad_column(q), columns, b);
            #pragma unroll
            for (int r = 0; r < PATCH_ROWS; r++)
            {
                #pragma unroll
                for (int i = 0; i < 4; i++) { patches.value[r][q][i] += b[i] * z[r]; }
            }
        }
    }
}

// Packs: N neighbouring values of a row, moved in accesses of 16 bytes and computed on as floats in registers.
//
// A warp's 32 threads that each touch 16 neighbouring bytes ask the memory for 512 bytes in four full lines, which is
// the widest access there is. Memory is only ever touched that way at addresses that divide by 16; what is left at the end
// of an array of odd length, and rows of odd length altogether, go value by value.
#pragma once
#include "common/portable.cuh"

// Values of the activation type in 16 bytes: 8 bf16 or 4 floats.
constexpr int PACK = 16 / sizeof(real);

// Whether the launch promises that every row starts at an address that divides by 16 and is a whole number of packs long.
#ifndef LDAE_ALIGNED
#define LDAE_ALIGNED 0
#endif

struct alignas(16) Words4 { unsigned word[4]; };
struct alignas(8) Words2 { unsigned word[2]; };
struct alignas(16) Floats4 { float value[4]; };

__device__ __forceinline__ bool is_aligned_16(const void* address)
{
    return (reinterpret_cast<unsigned long long>(address) & 15) == 0;
}

__device__ __forceinline__ void store_value(float* to, float value) { *to = value; }
__device__ __forceinline__ void store_value(bf16* to, float value) { *to = to_bf16(value); }

// ---- N values from aligned memory: N is 4, 8 or more; four bf16 are the one case of an access of 8 bytes.

template <int N>
__device__ __forceinline__ void load_aligned(const float* from, float (&v)[N])
{
    #pragma unroll
    for (int i = 0; i < N; i += 4)
    {
        const Floats4 four = *reinterpret_cast<const Floats4*>(from + i);
        for (int k = 0; k < 4; k++) { v[i + k] = four.value[k]; }
    }
}

template <int N>
__device__ __forceinline__ void load_aligned(const bf16* from, float (&v)[N])
{
    #pragma unroll
    for (int i = 0; i < N; i += 8)
    {
        if constexpr (N == 4)
        {
            const Words2 words = *reinterpret_cast<const Words2*>(from);
            for (int k = 0; k < 2; k++) { v[2 * k] = unpack_bf16_low(words.word[k]); v[2 * k + 1] = unpack_bf16_high(words.word[k]); }
        }
        else
        {
            const Words4 words = *reinterpret_cast<const Words4*>(from + i);
            for (int k = 0; k < 4; k++) { v[i + 2 * k] = unpack_bf16_low(words.word[k]); v[i + 2 * k + 1] = unpack_bf16_high(words.word[k]); }
        }
    }
}

template <int N>
__device__ __forceinline__ void store_aligned(float* to, const float (&v)[N])
{
    #pragma unroll
    for (int i = 0; i < N; i += 4)
    {
        Floats4 four;
        for (int k = 0; k < 4; k++) { four.value[k] = v[i + k]; }
        *reinterpret_cast<Floats4*>(to + i) = four;
    }
}

template <int N>
__device__ __forceinline__ void store_aligned(bf16* to, const float (&v)[N])
{
    #pragma unroll
    for (int i = 0; i < N; i += 8)
    {
        if constexpr (N == 4)
        {
            Words2 words;
            for (int k = 0; k < 2; k++) { words.word[k] = pack_bf16(v[2 * k], v[2 * k + 1]); }
            *reinterpret_cast<Words2*>(to) = words;
        }
        else
        {
            Words4 words;
            for (int k = 0; k < 4; k++) { words.word[k] = pack_bf16(v[i + 2 * k], v[i + 2 * k + 1]); }
            *reinterpret_cast<Words4*>(to + i) = words;
        }
    }
}

// ---- The first `left` of N values, one by one; zeros stand for the others.

template <int N, typename T>
__device__ __forceinline__ void load_some(const T* from, long long left, float (&v)[N])
{
    #pragma unroll
    for (int i = 0; i < N; i++) { v[i] = i < left ? to_float(from[i]) : 0.0f; }
}

template <int N, typename T>
__device__ __forceinline__ void store_some(T* to, long long left, const float (&v)[N])
{
    #pragma unroll
    for (int i = 0; i < N; i++) { if (i < left) { store_value(to + i, v[i]); } }
}

// ---- Flat arrays: wide where the address and the length allow it, found out on the spot.

template <int N, typename T>
__device__ __forceinline__ void load_pack(const T* from, long long left, float (&v)[N])
{
    if (left >= N && is_aligned_16(from)) { load_aligned(from, v); } else { load_some(from, left, v); }
}

template <int N, typename T>
__device__ __forceinline__ void store_pack(T* to, long long left, const float (&v)[N])
{
    if (left >= N && is_aligned_16(to)) { store_aligned(to, v); } else { store_some(to, left, v); }
}

// ---- Rows: columns [column, column + N) of a row, by the launch's promise.

template <int N, typename T>
__device__ __forceinline__ void load_columns(const T* row, int column, int columns, float (&v)[N])
{
#if LDAE_ALIGNED
    if (column < columns) { load_aligned(row + column, v); } else { load_some(row, 0, v); }
#else
    load_some(row + column, columns - column, v);
#endif
}

template <int N, typename T>
__device__ __forceinline__ void store_columns(T* row, int column, int columns, const float (&v)[N])
{
#if LDAE_ALIGNED
    if (column < columns) { store_aligned(row + column, v); }
#else
    store_some(row + column, columns - column, v);
#endif
}

// Philox4x32-10 (Salmon et al., SC 2011): random numbers without a state. Four 32-bit words are a pure function of a 64-bit key
// and a 128-bit counter, so that every thread can make the numbers of its own place and no other, in any order.
// Counter, uniform and normals are those of engine/Tensors/Philox.cs: word 0 and 1 are the element's index / 4, word 2 is the
// step, word 3 says what the numbers are for. Ten rounds of two 32 x 32 -> 64 bit products: about 60 instructions for four words.
#pragma once
#include "common/portable.cuh"

constexpr unsigned STREAM_NOISE = 1;

struct PhiloxWords { unsigned word[4]; };

__device__ __forceinline__ PhiloxWords philox_block(unsigned long long seed, unsigned stream, unsigned step, unsigned long long block)
{
    unsigned k0 = static_cast<unsigned>(seed), k1 = static_cast<unsigned>(seed >> 32);
    unsigned c0 = static_cast<unsigned>(block), c1 = static_cast<unsigned>(block >> 32), c2 = step, c3 = stream;
    #pragma unroll
    for (int round = 0; round < 10; round++)
    {
        const unsigned long long p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
        c0 = static_cast<unsigned>(p1 >> 32) ^ c1 ^ k0;
        c1 = static_cast<unsigned>(p1);
        c2 = static_cast<unsigned>(p0 >> 32) ^ c3 ^ k1;
        c3 = static_cast<unsigned>(p0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return PhiloxWords{ { c0, c1, c2, c3 } };
}

// (word / 512 + 1/2) / 2^23: never 0, never 1, exact in float.
__device__ __forceinline__ float philox_uniform(unsigned word)
{
    return (static_cast<float>(word >> 9) + 0.5f) * (1.0f / 8388608.0f);
}

// An integer in [0, bound).
__device__ __forceinline__ unsigned philox_below(unsigned word, unsigned bound)
{
    return static_cast<unsigned>((static_cast<unsigned long long>(word) * bound) >> 32);
}

// The four normals of a block, by Box and Muller: a pair of words gives a radius sqrt(-2 log u) and an angle 2 pi v; elements 0 and 2
// of a block are the cosines of its two pairs, elements 1 and 3 the sines.
__device__ __forceinline__ void philox_normals(unsigned long long seed, unsigned stream, unsigned step, unsigned long long block, float* normals)
{
    const PhiloxWords words = philox_block(seed, stream, step, block);
    #pragma unroll
    for (int pair = 0; pair < 4; pair += 2)
    {
        const float radius = sqrtf(-2.0f * logf(philox_uniform(words.word[pair])));
        float sine, cosine;
        sincospif(2.0f * philox_uniform(words.word[pair + 1]), &sine, &cosine);
        normals[pair] = radius * cosine;
        normals[pair + 1] = radius * sine;
    }
}

// The normal of one element: where neighbours belong to different threads.
__device__ __forceinline__ float philox_normal(unsigned long long seed, unsigned stream, unsigned step, unsigned long long element)
{
    const PhiloxWords block = philox_block(seed, stream, step, element / 4);
    const bool second_pair = element % 4 >= 2;
    const float radius = sqrtf(-2.0f * logf(philox_uniform(second_pair ? block.word[2] : block.word[0])));
    float sine, cosine;
    sincospif(2.0f * philox_uniform(second_pair ? block.word[3] : block.word[1]), &sine, &cosine);
    return radius * (element % 2 == 0 ? cosine : sine);
}

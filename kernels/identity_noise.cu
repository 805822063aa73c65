// Latent noise whose latents are the pixels: no projection, every value noised by itself.
//
// Maths    z = gamma (p - mean) / s + sigma n, n by Philox;  noisy = mean + s z
// Launch   blockIdx.x is the image, whose values its blocks (blockIdx.y) take in packs of 16 bytes, a pack a thread. A thread draws whole Philox
//          blocks, four normals each: packs begin where the image's blocks do, up to three values before its first value.
// Bytes    a value read and one written: 4 bytes a value in bf16; mean and s come from L1.
// Flops    a Philox block of 60 integer operations and two pairs of Box and Muller for four values: about 40 operations a value, 10 a byte:
//          below the 16 an H200 has for free, so memory limits, if not by much.
// Ladder   v1 a thread a value: the block is drawn four times          predicted 35 % of copy bandwidth
//          v2 (this) a thread a pack                                   predicted 70 to 80 %
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/philox.cuh"

// Values first .. first + PACK - 1 of an image; those outside its `count` are zeros.
__device__ __forceinline__ void load_values(const real* image, int first, int count, float (&v)[PACK])
{
    if (first >= 0)
    {
        load_pack(image + first, count - first, v);
    }
    else
    {
        #pragma unroll
        for (int i = 0; i < PACK; i++) { v[i] = first + i >= 0 && first + i < count ? to_float(image[first + i]) : 0.0f; }
    }
}

__device__ __forceinline__ void store_values(real* image, int first, int count, const float (&v)[PACK])
{
    if (first >= 0)
    {
        store_pack(image + first, count - first, v);
    }
    else
    {
        #pragma unroll
        for (int i = 0; i < PACK; i++) { if (first + i >= 0 && first + i < count) { store_value(image + first + i, v[i]); } }
    }
}

// The entries of a row of `columns` that belong to values first .. first + PACK - 1: the row repeats.
__device__ __forceinline__ void load_repeated(const float* row, int first, int columns, float (&v)[PACK])
{
    const int column = first < 0 ? first : first % columns;
    if (column >= 0 && column + PACK <= columns)
    {
        load_pack(row + column, PACK, v);
    }
    else
    {
        // Twice the remainder, as a pack may begin up to three values before the image and rows may be that short.
        #pragma unroll
        for (int i = 0; i < PACK; i++) { v[i] = row[((column + i) % columns + columns) % columns]; }
    }
}

// Grid (images, blocks an image), 256 threads. noisy and latents may be null; step_address: where a recorded graph finds the step, or null.
extern "C" __global__ void identity_noise_forward(const real* __restrict__ clean, const float* __restrict__ mean, const float* __restrict__ deviation,
    const float* __restrict__ gamma, const float* __restrict__ sigma, real* __restrict__ noisy, real* __restrict__ latents,
    unsigned long long seed, unsigned long long first_image, unsigned step, const unsigned* step_address, int image_values, int columns)
{
    const unsigned long long start = (first_image + blockIdx.x) * image_values;
    const long long first = (static_cast<long long>(blockIdx.y) * blockDim.x + threadIdx.x) * PACK - static_cast<long long>(start % 4);
    if (first >= image_values) { return; }
    const int at = static_cast<int>(first);
    const long long image = static_cast<long long>(blockIdx.x) * image_values;
    const float g = gamma[blockIdx.x], spread = sigma[blockIdx.x];
    float z[PACK], m[PACK], s[PACK], n[PACK];
    load_values(clean + image, at, image_values, z);
    load_repeated(mean, at, columns, m);
    load_repeated(deviation, at, columns, s);
    #pragma unroll
    for (int q = 0; q < PACK; q += 4)
    {
        philox_normals(seed, STREAM_NOISE, step_address == nullptr ? step : step_address[0], (start + at + q) / 4, n + q);
    }
    #pragma unroll
    for (int i = 0; i < PACK; i++) { z[i] = g * (z[i] - m[i]) / s[i] + spread * n[i]; }
    if (latents != nullptr) { store_values(latents + image, at, image_values, z); }
    #pragma unroll
    for (int i = 0; i < PACK; i++) { z[i] = m[i] + s[i] * z[i]; }
    if (noisy != nullptr) { store_values(noisy + image, at, image_values, z); }
}

// Noise in the latent space of a linear tokenizer, in one pass: from patches, or from images of bytes or floats.
//
// Maths    z_i = gamma (V_d (p - mean))_i / s_i + sigma n_i, n by Philox;  noisy = mean + V_d^T (s z)
//          p from images: value = pixel * factor[channel] + offset[channel], patches flattened as (row, column, channel)
// Launch   projection.cuh: a group of PATCH_LANES lanes holds PATCH_ROWS patches in registers from the first read to the last write.
//
//              patch -> centre -> [project on COMPONENTS components -> a lane a latent: scale, noise] x turns -> shared
//                                                                        shared -> add components up -> patch
//
//          A latent belongs to one lane of the group, which draws its normal: the noise costs nothing the projections notice.
// Bytes    a patch read and one written: 4 bytes a value in bf16; from images a byte read (4 of floats), noisy and clean patch written: 5.
//          The basis comes from L1.
// Flops    4 d a value: with d = 32, 128 operations per 4 bytes, twice the 16 a byte that an H200 has for free in fp32. So the FMA
//          rate limits at d = 32 (256 x 256 patches of 768: 6.4 G operations, 97 us at 67 TFLOP/s, against 47 us for the bytes) and memory
//          at d = 8 and D = 48. On the way to the FMA rate stand the reads of the basis: one 16 byte read of L1 (4 clocks an SM for a
//          warp) serves 4 PATCH_ROWS = 16 FMA instructions (4 clocks): even. The transposed sum adds 31 shuffles to 768 FMA.
// Ladder   v1 a warp a patch, a butterfly a sum                         predicted 15 % of the FMA rate: L1 reads are 4 times too many
//          v2 (this) four patches, transposed sums                      predicted 55 to 65 %
//          v3 projections by mma.sync on bf16 patches and basis, fp32 sums, where bf16's rule allows: then memory limits,
//             predicted 75 % of copy bandwidth, half the time of v2
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/philox.cuh"
#include "common/projection.cuh"

// Where the random numbers stand. A captured graph repeats its launches with the same values, so the step, which alone changes from
// one replay to the next, can be read from device memory: `step_address`, or null for the value.
struct NoisePlace { unsigned long long seed, first_image; unsigned step; };

__device__ __forceinline__ NoisePlace noise_place(unsigned long long seed, unsigned long long first_image, unsigned step, const unsigned* step_address)
{
    return NoisePlace{ seed, first_image, step_address == nullptr ? step : step_address[0] };
}

// The values that all patches share.
struct LatentSpace
{
    const float *mean, *basis, *deviation, *gamma, *sigma;
    int patches, tokens, columns, components;
};

// patches -= mean (sign -1) or += mean (sign 1).
__device__ __forceinline__ void add_mean(Patches& patches, const LatentSpace& space, float sign)
{
    #pragma unroll
    for (int q = 0; q < PATCH_QUADS; q++)
    {
        float m[4];
        load_columns(space.mean, quad_column(q), space.columns, m);
        #pragma unroll
        for (int r = 0; r < PATCH_ROWS; r++)
        {
            #pragma unroll
            for (int i = 0; i < 4; i++) { patches.value[r][q][i] += sign * m[i]; }
        }
    }
}

// Centred patches become noisy ones; latents, when wanted, are written on the way.
__device__ __forceinline__ void noise_patches(Patches& patches, const LatentSpace& space, const NoisePlace& place, float* shared, real* latents)
{
    const int lane = group_lane();
    const long long patch = first_patch() + lane % PATCH_ROWS;
    const long long image = patch < space.patches ? patch / space.tokens : 0;
    const float gamma = space.gamma[image], sigma = space.sigma[image];
    #pragma unroll 1
    for (int first = 0; first < space.components; first += COMPONENTS)
    {
        const float projection = project(patches, space.basis, first, space.components, space.columns);
        const int k = first + lane / PATCH_ROWS;
        float scaled = 0.0f;
        if (k < space.components && patch < space.patches)
        {
            const unsigned long long element = (place.first_image * space.tokens + patch) * space.components + k;
            const float s = space.deviation[k];
            const float z = gamma * projection / s + sigma * philox_normal(place.seed, STREAM_NOISE, place.step, element);
            if (latents != nullptr) { store_value(latents + patch * space.components + k, z); }
            scaled = s * z;
        }
        shared[first * PATCH_ROWS + lane] = scaled;
    }
    warp_barrier();
    #pragma unroll
    for (int r = 0; r < PATCH_ROWS; r++)
    {
        #pragma unroll
        for (int q = 0; q < PATCH_QUADS; q++)
        {
            #pragma unroll
            for (int i = 0; i < 4; i++) { patches.value[r][q][i] = 0.0f; }
        }
    }
    back_project(patches, space.basis, shared, space.components, space.columns);
    add_mean(patches, space, 1.0f);
}

__device__ __forceinline__ void write_patches(const Patches& patches, real* to, int count, int columns)
{
    #pragma unroll
    for (int r = 0; r < PATCH_ROWS; r++)
    {
        const long long patch = first_patch() + r;
        #pragma unroll
        for (int q = 0; q < PATCH_QUADS; q++)
        {
            if (patch < count) { store_columns(to + patch * columns, quad_column(q), columns, patches.value[r][q]); }
        }
    }
}

// noisy and latents may be null. 128 threads; shared: GROUPS * PATCH_LANES * ceil(components / COMPONENTS) floats.
extern "C" __global__ void latent_noise_forward(const real* __restrict__ clean, const float* __restrict__ mean, const float* __restrict__ basis,
    const float* __restrict__ deviation, const float* __restrict__ gamma, const float* __restrict__ sigma, real* __restrict__ noisy,
    real* __restrict__ latents, unsigned long long seed, unsigned long long first_image, unsigned step, const unsigned* step_address,
    int count, int tokens, int columns, int components)
{
    SHARED_MEMORY(memory);
    const LatentSpace space{ mean, basis, deviation, gamma, sigma, count, tokens, columns, components };
    Patches patches;
    #pragma unroll
    for (int r = 0; r < PATCH_ROWS; r++)
    {
        const long long patch = first_patch() + r;
        #pragma unroll
        for (int q = 0; q < PATCH_QUADS; q++)
        {
            load_columns(clean + (patch < count ? patch * columns : 0), quad_column(q), patch < count ? columns : 0, patches.value[r][q]);
        }
    }
    add_mean(patches, space, -1.0f);
    noise_patches(patches, space, noise_place(seed, first_image, step, step_address), group_memory(memory, components), latents);
    if (noisy != nullptr) { write_patches(patches, noisy, count, columns); }
}

// Where the pixels of images [B, height, width, 3] are, and what they become.
template <typename Pixel>
struct ImageGrid
{
    const Pixel* pixels;
    const float* range;
    int height, width, side;
};

// The same straight from images; clean patches, the targets, are written beside the noisy ones. columns = 3 side^2.
template <typename Pixel>
__device__ __forceinline__ void noise_from(const ImageGrid<Pixel>& images, const LatentSpace& space, const NoisePlace& place, float* shared,
    real* clean, real* noisy, real* latents)
{
    const int across = images.width / images.side, side = images.side;
    Patches patches;
    #pragma unroll
    for (int r = 0; r < PATCH_ROWS; r++)
    {
        const long long patch = first_patch() + r, image = patch / space.tokens;
        const int token = static_cast<int>(patch - image * space.tokens), top = token / across * side, left = token % across * side;
        #pragma unroll
        for (int q = 0; q < PATCH_QUADS; q++)
        {
            #pragma unroll
            for (int i = 0; i < 4; i++)
            {
                const int column = quad_column(q) + i, pixel = column / 3, channel = column - 3 * pixel;
                const long long row = image * images.height + top + pixel / side;
                const bool inside = patch < space.patches && column < space.columns;
                const float value = inside
                    ? images.pixels[(row * images.width + left + pixel % side) * 3 + channel] * images.range[channel] + images.range[3 + channel] : 0.0f;

                // The network's target is the stored patch, so the noise is added to the rounded one too.
                patches.value[r][q][i] = to_float(from_float(value));
            }
        }
    }
    write_patches(patches, clean, space.patches, space.columns);
    add_mean(patches, space, -1.0f);
    noise_patches(patches, space, place, shared, latents);
    write_patches(patches, noisy, space.patches, space.columns);
}

extern "C" __global__ void latent_noise_from_images(const unsigned char* __restrict__ images, const float* __restrict__ range,
    const float* __restrict__ mean, const float* __restrict__ basis, const float* __restrict__ deviation, const float* __restrict__ gamma,
    const float* __restrict__ sigma, real* __restrict__ clean, real* __restrict__ noisy, real* __restrict__ latents,
    unsigned long long seed, unsigned long long first_image, unsigned step, const unsigned* step_address, int count, int height, int width, int side, int components)
{
    SHARED_MEMORY(memory);
    const LatentSpace space{ mean, basis, deviation, gamma, sigma, count, height / side * (width / side), side * side * 3, components };
    noise_from(ImageGrid<unsigned char>{ images, range, height, width, side }, space, noise_place(seed, first_image, step, step_address),
        group_memory(memory, components), clean, noisy, latents);
}

// The same for images of floats.
extern "C" __global__ void latent_noise_from_values(const float* __restrict__ images, const float* __restrict__ range,
    const float* __restrict__ mean, const float* __restrict__ basis, const float* __restrict__ deviation, const float* __restrict__ gamma,
    const float* __restrict__ sigma, real* __restrict__ clean, real* __restrict__ noisy, real* __restrict__ latents,
    unsigned long long seed, unsigned long long first_image, unsigned step, const unsigned* step_address, int count, int height, int width, int side, int components)
{
    SHARED_MEMORY(memory);
    const LatentSpace space{ mean, basis, deviation, gamma, sigma, count, height / side * (width / side), side * side * 3, components };
    noise_from(ImageGrid<float>{ images, range, height, width, side }, space, noise_place(seed, first_image, step, step_address),
        group_memory(memory, components), clean, noisy, latents);
}

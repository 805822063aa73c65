// Latent noise where the latents are the pixels themselves: the basis is the identity, so nothing is projected.
//
// Maths    z_i = gamma (p_i - mean_i) / s_i + sigma n_i, n by Philox;  noisy_i = mean_i + s_i z_i
// Launch   one dimension; a thread owns one pack of 16 bytes, as in elementwise.cu. A Philox block has four normals, so a pack of four
//          or eight neighbours needs one block or two, where the first element of the launch starts a block; else one a value.
// Bytes    a value read and one written: 4 bytes in bf16; mean and s come from L1.
// Flops    about 15 integer operations a value for the words and 20 for the normal, with a logarithm, a root, a sine and a cosine for
//          two values: the special function unit (16 a clock and SM) gives about 2 T values a second, memory 1.1 T in bf16. Memory limits.
// Ladder   v1 a block a value: four times the words                     predicted 35 % of copy bandwidth
//          v2 (this) a block for four values                            predicted 70 %
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/philox.cuh"

// noisy and latents may be null. clean: [images, tokens, columns]. A captured graph repeats its launches with the same values, so the
// step, which changes from one replay to the next, is read from device memory where step_address is not null.
extern "C" __global__ void pixel_noise_forward(const real* __restrict__ clean, const float* __restrict__ mean, const float* __restrict__ deviation,
    const float* __restrict__ gamma, const float* __restrict__ sigma, real* __restrict__ noisy, real* __restrict__ latents,
    unsigned long long seed, unsigned long long first_image, unsigned step, const unsigned* step_address, long long count, int tokens, int columns)
{
    const long long first = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * PACK, image_values = static_cast<long long>(tokens) * columns;
    if (first >= count) { return; }
    const unsigned now = step_address == nullptr ? step : step_address[0];
    const unsigned long long element = first_image * image_values + first;
    float p[PACK], z[PACK];
    load_pack(clean + first, count - first, p);
    #pragma unroll
    for (int quad = 0; quad < PACK; quad += 4)
    {
        float normal[4];
        if (element % 4 == 0) { philox_normals(seed, STREAM_NOISE, now, element / 4 + quad / 4, normal); }
        else
        {
            for (int i = 0; i < 4; i++) { normal[i] = philox_normal(seed, STREAM_NOISE, now, element + quad + i); }
        }
        #pragma unroll
        for (int i = 0; i < 4; i++)
        {
            const long long at = first + quad + i < count ? first + quad + i : 0, image = at / image_values;
            const int column = static_cast<int>(at % columns);
            const float s = deviation[column];
            z[quad + i] = gamma[image] * (p[quad + i] - mean[column]) / s + sigma[image] * normal[i];
            p[quad + i] = mean[column] + s * z[quad + i];
        }
    }
    if (latents != nullptr) { store_pack(latents + first, count - first, z); }
    if (noisy != nullptr) { store_pack(noisy + first, count - first, p); }
}

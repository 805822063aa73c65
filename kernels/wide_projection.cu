// Latent noise and the l-DAE loss on many components: the projections are matrix products of cuBLASLt, and these kernels do what is before,
// between and after them. The products are in float32, as the sums of the fused kernels (latent_noise.cu, pca_loss.cu) are.
//
// Maths    noise   c = p - mean;  z = c V^T (product);  z = gamma z / s + sigma n;  b = (s z) V (product);  noisy = b + mean
//          loss    r = prediction - clean;  P = r V^T (product);  P' = 2 w (kept - residual) P;  b = P' V (product);
//                  gradient = 2 w residual r + b;  loss = sum w (kept |P|^2 + residual (|r|^2 - |P|^2)),  w = lambda[image] / (D patches)
// Launch   a warp a row, 8 rows a block of 256: a row's image, and so its weight, is the same for all lanes, which walk it in packs of 16 bytes.
// Bytes    noise: 2 + 4 written, 4 read by the product, 4 written, 4 + 2: 20 a value in bf16, against 4 of the fused kernel; loss: 26.
// Flops    4 d a value, in the products. 20 bytes take 4.7e-12 s at 4.3 TB/s, 4 d operations 7.3e-14 d s at 55 TFLOP/s in float32. The fused kernels
//          predict 1e-13 d s while the basis fits the L1 cache (64 x 768 floats: 197 KB of 228), and about twice that where it comes from L2,
//          which gives an SM 32 bytes a clock: with 16 patches a block, half the rate. So the products win from some 64 components on.
// Ladder   v1 (this) float32 products                                   predicted 55 TFLOP/s at d = 128 and above, less the 20 bytes
//          v2 bf16 products of hi and lo parts (three products, fp32 sums)  predicted three times that, if it is ever worth its error analysis
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"
#include "common/philox.cuh"

constexpr int ROWS = 8;

__device__ __forceinline__ int my_row() { return blockIdx.x * ROWS + threadIdx.x / 32; }
__device__ __forceinline__ int first_column() { return threadIdx.x % 32 * PACK; }

// to = patches - mean. Grid ceil(rows / 8), 256 threads.
extern "C" __global__ void wide_center(const real* __restrict__ patches, const float* __restrict__ mean, float* __restrict__ to, int rows, int columns)
{
    if (my_row() >= rows) { return; }
    const long long at = static_cast<long long>(my_row()) * columns;
    for (int column = first_column(); column < columns; column += 32 * PACK)
    {
        float p[PACK], m[PACK];
        load_pack(patches + at + column, columns - column, p);
        load_pack(mean + column, columns - column, m);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { p[i] -= m[i]; }
        store_pack(to + at + column, columns - column, p);
    }
}

// to = patches + mean, rounded.
extern "C" __global__ void wide_restore(const float* __restrict__ patches, const float* __restrict__ mean, real* __restrict__ to, int rows, int columns)
{
    if (my_row() >= rows) { return; }
    const long long at = static_cast<long long>(my_row()) * columns;
    for (int column = first_column(); column < columns; column += 32 * PACK)
    {
        float p[PACK], m[PACK];
        load_pack(patches + at + column, columns - column, p);
        load_pack(mean + column, columns - column, m);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { p[i] += m[i]; }
        store_pack(to + at + column, columns - column, p);
    }
}

// z, a projection, becomes s (gamma z / s + sigma n); what is inside the brackets is stored too where latents is not null. first: the first row's
// place among all patches; latents, gamma and sigma are those of all. step_address: where a recorded graph finds the step, or null.
extern "C" __global__ void wide_noise(float* __restrict__ z, const float* __restrict__ deviation, const float* __restrict__ gamma,
    const float* __restrict__ sigma, real* __restrict__ latents, unsigned long long seed, unsigned long long first_image, unsigned step,
    const unsigned* step_address, int first, int rows, int tokens, int components)
{
    if (my_row() >= rows) { return; }
    const long long patch = static_cast<long long>(first) + my_row(), image = patch / tokens, at = static_cast<long long>(my_row()) * components;
    const unsigned long long element = (first_image * tokens + patch) * components;
    const float g = gamma[image], spread = sigma[image];
    const unsigned now = step_address == nullptr ? step : step_address[0];
    for (int k = threadIdx.x % 32; k < components; k += 32)
    {
        const float s = deviation[k], noised = g * z[at + k] / s + spread * philox_normal(seed, STREAM_NOISE, now, element + k);
        if (latents != nullptr) { store_value(latents + patch * components + k, noised); }
        z[at + k] = s * noised;
    }
}

// r = prediction - clean, and a block's sum of w |r|^2 into part[2 block + 1]. 8 floats shared.
extern "C" __global__ void wide_difference(const real* __restrict__ prediction, const real* __restrict__ clean, const float* __restrict__ lambda,
    float* __restrict__ r, float* __restrict__ part, float scale, int first, int rows, int tokens, int columns)
{
    SHARED_MEMORY(memory);
    float sum[1] = { 0.0f };
    if (my_row() < rows)
    {
        const long long at = static_cast<long long>(my_row()) * columns;
        for (int column = first_column(); column < columns; column += 32 * PACK)
        {
            float p[PACK], c[PACK];
            load_pack(prediction + at + column, columns - column, p);
            load_pack(clean + at + column, columns - column, c);
            #pragma unroll
            for (int i = 0; i < PACK; i++)
            {
                p[i] -= c[i];
                sum[0] += p[i] * p[i];
            }
            store_pack(r + at + column, columns - column, p);
        }
        sum[0] *= scale * lambda[(first + my_row()) / tokens];
    }
    group_sums<256, 1>(sum, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0) { part[2 * blockIdx.x + 1] = sum[0]; }
}

// A block's sum of w |P|^2 into part[2 block], and P becomes 2 w factor P. 8 floats shared.
extern "C" __global__ void wide_weigh(float* __restrict__ projected, const float* __restrict__ lambda, float* __restrict__ part, float scale, float factor,
    int first, int rows, int tokens, int components)
{
    SHARED_MEMORY(memory);
    float sum[1] = { 0.0f };
    if (my_row() < rows)
    {
        float* p = projected + static_cast<long long>(my_row()) * components;
        const float weight = scale * lambda[(first + my_row()) / tokens];
        for (int k = threadIdx.x % 32; k < components; k += 32)
        {
            sum[0] += p[k] * p[k];
            p[k] *= 2.0f * weight * factor;
        }
        sum[0] *= weight;
    }
    group_sums<256, 1>(sum, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0) { part[2 * blockIdx.x] = sum[0]; }
}

// gradient = 2 w residual r + back.
extern "C" __global__ void wide_gradient(const float* __restrict__ r, const float* __restrict__ back, const float* __restrict__ lambda,
    real* __restrict__ gradient, float scale, float residual_weight, int first, int rows, int tokens, int columns)
{
    if (my_row() >= rows) { return; }
    const long long at = static_cast<long long>(my_row()) * columns;
    const float weight = 2.0f * scale * lambda[(first + my_row()) / tokens] * residual_weight;
    for (int column = first_column(); column < columns; column += 32 * PACK)
    {
        float g[PACK], b[PACK];
        load_pack(r + at + column, columns - column, g);
        load_pack(back + at + column, columns - column, b);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { g[i] = weight * g[i] + b[i]; }
        store_pack(gradient + at + column, columns - column, g);
    }
}

// loss[0] = loss[1] + loss[2], the kept and the residual part. One block of 256, 8 floats shared.
extern "C" __global__ void wide_total(const float* __restrict__ part, int parts, float kept_weight, float residual_weight, float* __restrict__ loss)
{
    SHARED_MEMORY(memory);
    float* scratch = reinterpret_cast<float*>(memory);
    const float projected = array_sum(part, parts, 2, scratch), whole = array_sum(part + 1, parts, 2, scratch);
    if (threadIdx.x == 0)
    {
        loss[1] = kept_weight * projected;
        loss[2] = residual_weight * (whole - projected);
        loss[0] = loss[1] + loss[2];
    }
}

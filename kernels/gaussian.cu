// The latent of a variational autoencoder: a draw that gradients pass through, and its divergence from the unit Gaussian.
//
// Maths    z = mean + exp(l / 2) n, n standard normal by Philox;  KL = mean over elements of (mean^2 + exp(l) - 1 - l) / 2, l the logarithm of
//          the variance. Backward, with k = dKL / count: dmean (+)= dz + k mean;  dl (+)= (dz exp(l / 2) n + k (exp(l) - 1)) / 2
// Launch   a thread an element, blocks of 256; each block adds its elements' divergences and writes one float, and losses_mean
//          (losses.cu) adds those. n is not kept: the backward pass draws it again, 60 instructions instead of 4 bytes twice.
// Bytes    forward 3 values an element, backward 5.
// Flops    about 100 an element, most of them Philox's; a 256-pixel image has 4,096 latents of 4 channels for 196,608 pixels: nothing here
//          takes time.
// Ladder   v1 (this)                                                    predicted 2 launches, each a few microseconds
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"
#include "common/philox.cuh"

// exp(l) - 1 - l without the digits that exp(l) - 1 loses near zero.
__device__ __forceinline__ float spread_divergence(float l) { return expm1f(l) - l; }

// part: one float a block. 256 threads, 8 floats shared. recorded_step: where a recorded graph finds the step, or null.
extern "C" __global__ void gaussian_latent_forward(const real* __restrict__ mean, const real* __restrict__ log_variance, real* __restrict__ z,
    float* __restrict__ part, unsigned long long seed, unsigned long long first, unsigned step, const unsigned* recorded_step, int count)
{
    SHARED_MEMORY(memory);
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    float sum[1] = { 0.0f };
    if (i < count)
    {
        const float m = to_float(mean[i]), l = to_float(log_variance[i]);
        const float n = philox_normal(seed, STREAM_NOISE, recorded_step != nullptr ? *recorded_step : step, first + i);
        store_value(z + i, m + expf(0.5f * l) * n);
        sum[0] = 0.5f * (m * m + spread_divergence(l));
    }
    group_sums<256, 1>(sum, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0) { part[blockIdx.x] = sum[0]; }
}

// dz and ddivergence may be null.
extern "C" __global__ void gaussian_latent_backward(const real* __restrict__ mean, const real* __restrict__ log_variance, const real* __restrict__ dz,
    const float* __restrict__ ddivergence, real* dmean, real* dlog_variance, unsigned long long seed, unsigned long long first, unsigned step,
    const unsigned* recorded_step, int count, int accumulate_mean, int accumulate_log_variance)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) { return; }
    const float m = to_float(mean[i]), l = to_float(log_variance[i]);
    const float d = dz == nullptr ? 0.0f : to_float(dz[i]), share = ddivergence == nullptr ? 0.0f : ddivergence[0] / count;
    const float n = philox_normal(seed, STREAM_NOISE, recorded_step != nullptr ? *recorded_step : step, first + i);
    const float by_mean = d + share * m, by_log_variance = 0.5f * (d * expf(0.5f * l) * n + share * expm1f(l));
    store_value(dmean + i, accumulate_mean ? to_float(dmean[i]) + by_mean : by_mean);
    store_value(dlog_variance + i, accumulate_log_variance ? to_float(dlog_variance[i]) + by_log_variance : by_log_variance);
}

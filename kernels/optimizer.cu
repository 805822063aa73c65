// What happens to the flat buffers once a step: the gradient's norm, AdamW with the moving average and the bf16 copy of the weights in
// the same pass, and momentum descent with or without LARS.
//
// Maths    AdamW (Loshchilov and Hutter 2019), g the gradient times the clip scale, r the learning rate times the element's scale:
//              m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//              p = p - r decay p - r (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps);  average += (1 - e) (p - average)
//          norm = sqrt(sum g^2), scale = min(1, limit / norm)
//          SGD: s = clip g + decay p, times trust |p| / |s| with LARS (You et al. 2017);  m = momentum m + s;  p -= lr m
// Launch   passes: a thread owns four values, 16 bytes of each float buffer. Sums: blocks of 256 walk the buffer in a stride that
//          depends on its length alone and leave one float each; one block adds those and writes norm and scale: two fixed stages.
// Bytes    AdamW 28 a parameter (p, m, v read and written, g read), rate scale 4, decay 4, average 8, bf16 copy 2. The norm 4.
// Flops    about 20 a parameter with a root and two divisions: under one a byte. Memory limits: 304 M parameters at 28 bytes are
//          8.5 GB, 2.0 ms at 4.3 TB/s.
// Scalars  arrive by value, or from device memory when `schedule` is given (a captured graph repeats its launches with the same
//          values, so what changes from step to step must be read): { lr, 1 / (1 - b1^t), 1 / (1 - b2^t) }; SGD reads the first.
// Ladder   v1 one value a thread                                        predicted 75 % of copy bandwidth
//          v2 (this) four values a thread, five to eight loads under way, predicted 88 to 93 %
//          v3 clip scale applied where the gradient is made: saves nothing, as g is read here anyway
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"

constexpr int QUAD = 4;

__device__ __forceinline__ long long my_quad()
{
    return (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * QUAD;
}

__device__ __forceinline__ void multiply(float (&v)[QUAD], float factor)
{
    #pragma unroll
    for (int i = 0; i < QUAD; i++) { v[i] *= factor; }
}

__device__ __forceinline__ void adam_moments(const float (&g)[QUAD], float (&m)[QUAD], float (&v)[QUAD], float clip, float beta1, float rest1,
    float beta2, float rest2)
{
    #pragma unroll
    for (int i = 0; i < QUAD; i++)
    {
        const float gradient = clip * g[i];
        m[i] = beta1 * m[i] + rest1 * gradient;
        v[i] = beta2 * v[i] + rest2 * gradient * gradient;
    }
}

// scale (1 everywhere), decay (weight_decay everywhere), average, copy and schedule may be null. rest is 1 - beta, rounded once on the host.
extern "C" __global__ void optimizer_adamw(float* __restrict__ values, const float* __restrict__ gradients, float* __restrict__ first_moment,
    float* __restrict__ second_moment, const float* __restrict__ scale, const float* __restrict__ decay, float* __restrict__ average,
    bf16* __restrict__ copy, const float* __restrict__ clip_scale, const float* __restrict__ schedule, long long count, float rate,
    float correction1, float correction2, float beta1, float rest1, float beta2, float rest2, float epsilon, float weight_decay, float average_rest)
{
    const long long first = my_quad(), left = count - first;
    if (left <= 0) { return; }
    if (schedule != nullptr)
    {
        rate = schedule[0];
        correction1 = schedule[1];
        correction2 = schedule[2];
    }
    float p[QUAD], g[QUAD], m[QUAD], v[QUAD], r[QUAD], d[QUAD];
    #pragma unroll
    for (int i = 0; i < QUAD; i++)
    {
        r[i] = rate;
        d[i] = weight_decay;
    }
    load_pack(gradients + first, left, g);
    load_pack(first_moment + first, left, m);
    load_pack(second_moment + first, left, v);
    load_pack(values + first, left, p);
    if (scale != nullptr)
    {
        load_pack(scale + first, left, r);
        multiply(r, rate);
    }
    if (decay != nullptr) { load_pack(decay + first, left, d); }
    adam_moments(g, m, v, clip_scale[0], beta1, rest1, beta2, rest2);
    store_pack(first_moment + first, left, m);
    store_pack(second_moment + first, left, v);
    #pragma unroll
    for (int i = 0; i < QUAD; i++)
    {
        p[i] = p[i] - r[i] * d[i] * p[i] - r[i] * correction1 * m[i] / (sqrtf(v[i] * correction2) + epsilon);
    }
    store_pack(values + first, left, p);
    if (copy != nullptr) { store_pack(copy + first, left, p); }
    if (average != nullptr)
    {
        load_pack(average + first, left, d);
        #pragma unroll
        for (int i = 0; i < QUAD; i++) { d[i] += average_rest * (p[i] - d[i]); }
        store_pack(average + first, left, d);
    }
}

// average += rest (values - average), rest = 1 - decay.
extern "C" __global__ void optimizer_ema(const float* __restrict__ values, float* __restrict__ average, long long count, float rest)
{
    const long long first = my_quad(), left = count - first;
    if (left <= 0) { return; }
    float p[QUAD], a[QUAD];
    load_pack(values + first, left, p);
    load_pack(average + first, left, a);
    #pragma unroll
    for (int i = 0; i < QUAD; i++) { a[i] += rest * (p[i] - a[i]); }
    store_pack(average + first, left, a);
}

// part[block] = the block's share of sum (scale x + decay y)^2; scale and y may be null, for 1 and 0. 256 threads, 8 floats shared.
extern "C" __global__ void optimizer_square_sum(const float* __restrict__ x, const float* __restrict__ scale, const float* __restrict__ y,
    float decay, float* __restrict__ part, long long count)
{
    SHARED_MEMORY(memory);
    float sum[1] = { 0.0f };
    for (long long first = my_quad(); first < count; first += static_cast<long long>(gridDim.x) * 256 * QUAD)
    {
        float v[QUAD], w[QUAD] = {};
        load_pack(x + first, count - first, v);
        if (scale != nullptr) { multiply(v, scale[0]); }
        if (y != nullptr) { load_pack(y + first, count - first, w); }
        #pragma unroll
        for (int i = 0; i < QUAD; i++)
        {
            const float s = v[i] + decay * w[i];
            sum[0] += s * s;
        }
    }
    group_sums<256, 1>(sum, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0) { part[blockIdx.x] = sum[0]; }
}

// norm = sqrt(sum of the parts); scale = min(1, limit / norm), or 1 without a limit. One block of 256, 8 floats shared.
extern "C" __global__ void optimizer_norm(const float* __restrict__ part, int parts, float limit, float* norm, float* scale)
{
    SHARED_MEMORY(memory);
    const float total = array_sum(part, parts, 1, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0)
    {
        const float length = sqrtf(total);
        norm[0] = length;
        scale[0] = limit > 0.0f && length > limit ? limit / length : 1.0f;
    }
}

// ratio = trust |p| / |s| when both are positive, else 1. One block of 256, 8 floats shared.
extern "C" __global__ void optimizer_trust(const float* __restrict__ value_parts, const float* __restrict__ step_parts, int parts, float trust,
    float* ratio)
{
    SHARED_MEMORY(memory);
    float* scratch = reinterpret_cast<float*>(memory);
    const float values = array_sum(value_parts, parts, 1, scratch), steps = array_sum(step_parts, parts, 1, scratch);
    if (threadIdx.x == 0) { ratio[0] = values > 0.0f && steps > 0.0f ? trust * sqrtf(values) / sqrtf(steps) : 1.0f; }
}

// Momentum descent; ratio (LARS) and clip_scale may be null for 1, schedule for rate.
extern "C" __global__ void optimizer_sgd(float* __restrict__ values, const float* __restrict__ gradients, float* __restrict__ velocity,
    const float* __restrict__ ratio, const float* __restrict__ clip_scale, const float* __restrict__ schedule, long long count, float rate,
    float momentum, float decay)
{
    const long long first = my_quad(), left = count - first;
    if (left <= 0) { return; }
    const float factor = ratio == nullptr ? 1.0f : ratio[0];
    if (schedule != nullptr) { rate = schedule[0]; }
    float p[QUAD], g[QUAD], m[QUAD];
    load_pack(values + first, left, p);
    load_pack(gradients + first, left, g);
    load_pack(velocity + first, left, m);
    if (clip_scale != nullptr) { multiply(g, clip_scale[0]); }
    #pragma unroll
    for (int i = 0; i < QUAD; i++)
    {
        m[i] = momentum * m[i] + factor * (g[i] + decay * p[i]);
        p[i] -= rate * m[i];
    }
    store_pack(velocity + first, left, m);
    store_pack(values + first, left, p);
}

// Softmax cross-entropy and mean squared error, each with its gradient in one launch, and the sums that make them scalars.
//
// Squared error
// Maths    loss = scale / n sum_i weight[image of i] (prediction_i - target_i)^2;  dprediction = 2 scale / n weight (prediction - target)
// Launch   blockIdx.x is the image, whose values the image's blocks (blockIdx.y) take in packs of 16 bytes: no division finds the weight.
//          Each block writes one float; a last block adds those.
// Bytes    prediction and target read, gradient written: 6 bytes a value in bf16.
// Flops    4 a value: memory limits. 16 x 64 x 768 values: 4.7 MB, 1 us, less than the launches.
// Ladder   v1 (this)                                                    predicted 80 to 90 % of copy bandwidth for large batches
//
// Cross-entropy
// Maths    loss = 1/B sum_b (lse_b - z[b, label_b]), lse = max + log sum_k exp(z_k - max);  dz = (exp(z - lse) - onehot) / B
// Launch   a warp a row, 8 rows a block of 256. Lanes walk the row in steps of 32: the maximum, the sum, the gradient: three
//          walks, of which two find the row in the L1 cache (1000 classes are 2 to 4 KB). Each block adds its rows' losses in order and
//          writes one float; a last block adds those.
// Bytes    logits read, gradient written: 4 bytes a logit in bf16.
// Flops    about 25 a logit with two exponentials: near the balance of an H200, still memory for large batches; for a probe (10 to
//          1000 classes) the launch itself is most of the time.
// Ladder   v1 (this)                                                    predicted 60 to 75 % of copy bandwidth
//          v2 maximum and sum in one walk (online softmax)              predicted +5 %; not worth its lines for a probe
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"

// Grid ceil(rows / 8), 256 threads, 8 floats shared. dlogits may be null. part: one float a block.
extern "C" __global__ void losses_cross_entropy(const real* __restrict__ logits, const int* __restrict__ labels, real* __restrict__ dlogits,
    float* __restrict__ part, int rows, int classes)
{
    SHARED_MEMORY(memory);
    float* losses = reinterpret_cast<float*>(memory);
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, row = blockIdx.x * 8 + warp;
    float loss = 0.0f;
    if (row < rows)  // The same for all lanes of a warp.
    {
        const real* z = logits + static_cast<long long>(row) * classes;
        float largest = -3.0e38f, sum = 0.0f;
        for (int k = lane; k < classes; k += 32) { largest = fmaxf(largest, to_float(z[k])); }
        largest = warp_max(largest);
        for (int k = lane; k < classes; k += 32) { sum += expf(to_float(z[k]) - largest); }
        const float log_sum = logf(warp_sum(sum));
        const int label = labels[row];

        // Differences from the maximum first: large logits would cost the digits of a small loss.
        loss = log_sum - (to_float(z[label]) - largest);
        if (dlogits != nullptr)
        {
            real* d = dlogits + static_cast<long long>(row) * classes;
            const float share = 1.0f / rows;
            for (int k = lane; k < classes; k += 32)
            {
                store_value(d + k, (expf(to_float(z[k]) - largest - log_sum) - (k == label ? 1.0f : 0.0f)) * share);
            }
        }
    }
    if (lane == 0) { losses[warp] = loss; }
    block_barrier();
    if (threadIdx.x == 0)
    {
        float total = 0.0f;
        for (int w = 0; w < 8; w++) { total += losses[w]; }
        part[blockIdx.x] = total;
    }
}

// Grid (images, blocks an image), 256 threads, 8 floats shared. weight [images] and gradient may be null. part: one float a block.
extern "C" __global__ void losses_squared_error(const real* __restrict__ prediction, const real* __restrict__ target, const float* __restrict__ weight,
    real* __restrict__ gradient, float* __restrict__ part, float scale, long long image_values)
{
    SHARED_MEMORY(memory);
    const long long first = blockIdx.x * image_values, stride = static_cast<long long>(gridDim.y) * blockDim.x * PACK;
    const float share = weight == nullptr ? scale : scale * weight[blockIdx.x];
    float sum[1] = { 0.0f };
    for (long long i = (static_cast<long long>(blockIdx.y) * blockDim.x + threadIdx.x) * PACK; i < image_values; i += stride)
    {
        float p[PACK], t[PACK];
        load_pack(prediction + first + i, image_values - i, p);
        load_pack(target + first + i, image_values - i, t);
        #pragma unroll
        for (int k = 0; k < PACK; k++)
        {
            p[k] -= t[k];
            sum[0] += p[k] * p[k];
            p[k] *= 2.0f * share;
        }
        if (gradient != nullptr) { store_pack(gradient + first + i, image_values - i, p); }
    }
    group_sums<256, 1>(sum, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0) { part[static_cast<long long>(blockIdx.x) * gridDim.y + blockIdx.y] = share * sum[0]; }
}

// loss[0] = sum of the parts. One block of 256, 8 floats shared.
extern "C" __global__ void losses_sum(const float* __restrict__ part, float* __restrict__ loss, int parts)
{
    SHARED_MEMORY(memory);
    const float total = array_sum(part, parts, 1, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0) { loss[0] = total; }
}

// loss[0] = sum of the parts / rows. One block of 256, 8 floats shared.
extern "C" __global__ void losses_mean(const float* __restrict__ part, float* __restrict__ loss, int parts, int rows)
{
    SHARED_MEMORY(memory);
    const float total = array_sum(part, parts, 1, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0) { loss[0] = total / rows; }
}

// Mean squared error of images, each with a weight, and its gradient in one pass.
//
// Maths    loss = factor / N sum_b w_b sum_i (p_bi - t_bi)^2;  dp = 2 factor w (p - t) / N
// Launch   one dimension; a thread owns one pack of 16 bytes, as in elementwise.cu, and adds up its squares. A block adds its threads
//          in a fixed order and writes one float; squared_error_total adds those with one block.
//
//              p, t -> difference -> gradient
//                          |-> square, weighted -> warp -> block -> part[block] -> total
//
// Bytes    prediction and target read, gradient written: 6 bytes a value in bf16. The weights come from L1.
// Flops    5 a value: under the 16 operations a byte that are free on an H200. Memory limits.
// Ladder   v1 (this)                                                    predicted 85 % of copy bandwidth
//          v2 four packs a thread, for fewer block sums                 predicted +3 %: one barrier a block costs little
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"

// target may be null for zero, weight for one, gradient where none is wanted. image_values: values of an image. 256 threads, 8 floats shared.
extern "C" __global__ void squared_error_forward(const real* __restrict__ prediction, const real* __restrict__ target, const float* __restrict__ weight,
    real* __restrict__ gradient, float* __restrict__ part, float share, long long count, long long image_values)
{
    SHARED_MEMORY(memory);
    const long long first = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * PACK;
    float sum[1] = { 0.0f };
    if (first < count)
    {
        float p[PACK], t[PACK];
        load_pack(prediction + first, count - first, p);
        load_some(target, 0, t);
        if (target != nullptr) { load_pack(target + first, count - first, t); }
        #pragma unroll
        for (int i = 0; i < PACK; i++)
        {
            const float difference = p[i] - t[i];
            const float w = share * (weight == nullptr || first + i >= count ? 1.0f : weight[(first + i) / image_values]);
            sum[0] += w * difference * difference;
            p[i] = 2.0f * w * difference;
        }
        if (gradient != nullptr) { store_pack(gradient + first, count - first, p); }
    }
    group_sums<256, 1>(sum, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0) { part[blockIdx.x] = sum[0]; }
}

// loss[0] = sum of the parts. One block of 256, 8 floats shared.
extern "C" __global__ void squared_error_total(const float* __restrict__ part, float* __restrict__ loss, int parts)
{
    SHARED_MEMORY(memory);
    const float total = array_sum(part, parts, 1, reinterpret_cast<float*>(memory));
    if (threadIdx.x == 0) { loss[0] = total; }
}

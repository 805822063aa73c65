// The l-DAE loss (equation 4 of the paper) and its gradient in one pass.
//
// Maths    r = prediction - clean for a patch, V_d the first d components, w = lambda / (D patches):
//              loss = sum over patches of w (kept |V_d r|^2 + residual (|r|^2 - |V_d r|^2))
//              dprediction = 2 w (residual r + (kept - residual) V_d^T V_d r)
// Launch   projection.cuh: a group of PATCH_LANES lanes holds PATCH_ROWS differences in registers; the projections go through shared
//          memory to all lanes of the group and back onto the same registers. Each block writes two floats, sum w |V_d r|^2 and
//          sum w |r|^2; pca_loss_total adds those with one block, in a fixed order.
// Bytes    prediction and clean read, gradient written: 6 bytes a value in bf16. The basis comes from L1.
// Flops    4 d a value: at d = 32 128 per 6 bytes, so on an H200 the fp32 FMA rate limits (97 us for 256 x 256 patches of 768, against
//          70 us for the bytes); at d = 8 memory does.
// Ladder   v1 a warp a patch, a butterfly a sum                         predicted 15 % of the FMA rate
//          v2 (this) four patches, transposed sums                      predicted 55 to 65 %
//          v3 projections by mma.sync where bf16's rule allows: then memory limits, predicted 75 % of copy bandwidth
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/reduce.cuh"
#include "common/projection.cuh"

// r = prediction - clean; returns this lane's share of sum w |r|^2.
__device__ __forceinline__ float load_differences(Patches& patches, const real* prediction, const real* clean, const float (&weight)[PATCH_ROWS],
    int count, int columns)
{
    float total = 0.0f;
    #pragma unroll
    for (int r = 0; r < PATCH_ROWS; r++)
    {
        const long long patch = first_patch() + r, at = patch < count ? patch * columns : 0;
        const int width = patch < count ? columns : 0;
        float square = 0.0f;
        #pragma unroll
        for (int q = 0; q < PATCH_QUADS; q++)
        {
            float c[4];
            load_columns(prediction + at, quad_column(q), width, patches.value[r][q]);
            load_columns(clean + at, quad_column(q), width, c);
            #pragma unroll
            for (int i = 0; i < 4; i++)
            {
                patches.value[r][q][i] -= c[i];
                square += patches.value[r][q][i] * patches.value[r][q][i];
            }
        }
        total += weight[r] * square;
    }
    return total;
}

// 2 w (residual r + (kept - residual) V^T p), p scaled already and in shared memory.
__device__ __forceinline__ void write_gradient(Patches& patches, real* gradient, const float* basis, const float* shared,
    const float (&weight)[PATCH_ROWS], float residual_weight, int count, int columns, int components)
{
    #pragma unroll
    for (int r = 0; r < PATCH_ROWS; r++)
    {
        #pragma unroll
        for (int q = 0; q < PATCH_QUADS; q++)
        {
            #pragma unroll
            for (int i = 0; i < 4; i++) { patches.value[r][q][i] *= residual_weight; }
        }
    }
    back_project(patches, basis, shared, components, columns);
    #pragma unroll
    for (int r = 0; r < PATCH_ROWS; r++)
    {
        const long long patch = first_patch() + r;
        #pragma unroll
        for (int q = 0; q < PATCH_QUADS; q++)
        {
            #pragma unroll
            for (int i = 0; i < 4; i++) { patches.value[r][q][i] *= 2.0f * weight[r]; }
            if (patch < count) { store_columns(gradient + patch * columns, quad_column(q), columns, patches.value[r][q]); }
        }
    }
}

// gradient may be null; part: two floats a block. 128 threads; shared: the groups' latents (see group_memory), then 8 floats.
extern "C" __global__ void pca_loss_forward(const real* __restrict__ prediction, const real* __restrict__ clean, const float* __restrict__ basis,
    const float* __restrict__ lambda, real* __restrict__ gradient, float* __restrict__ part, float kept_weight, float residual_weight,
    int count, int tokens, int columns, int components)
{
    SHARED_MEMORY(memory);
    float* shared = group_memory(memory, components);
    const int lane = group_lane();
    float weight[PATCH_ROWS];
    #pragma unroll
    for (int r = 0; r < PATCH_ROWS; r++)
    {
        const long long patch = first_patch() + r;
        weight[r] = patch < count ? lambda[patch / tokens] / columns / count : 0.0f;
    }
    Patches patches;
    float sums[2];
    sums[1] = load_differences(patches, prediction, clean, weight, count, columns);
    sums[0] = 0.0f;
    const long long own = first_patch() + lane % PATCH_ROWS;
    const float own_weight = own < count ? lambda[own / tokens] / columns / count : 0.0f;
    #pragma unroll 1
    for (int first = 0; first < components; first += COMPONENTS)
    {
        const float projection = project(patches, basis, first, components, columns);
        sums[0] += own_weight * projection * projection;
        shared[first * PATCH_ROWS + lane] = (kept_weight - residual_weight) * projection;
    }
    warp_barrier();
    if (gradient != nullptr)
    {
        write_gradient(patches, gradient, basis, shared, weight, residual_weight, count, columns, components);
    }
    const int turns = (components + COMPONENTS - 1) / COMPONENTS;
    group_sums<PROJECTION_THREADS, 2>(sums, reinterpret_cast<float*>(memory) + GROUPS * PATCH_LANES * turns);
    if (threadIdx.x == 0)
    {
        part[2 * blockIdx.x] = sums[0];
        part[2 * blockIdx.x + 1] = sums[1];
    }
}

// loss[0] = loss[1] + loss[2], the kept and the residual part. One block of 256, 8 floats shared.
extern "C" __global__ void pca_loss_total(const float* __restrict__ part, int parts, float kept_weight, float residual_weight, float* __restrict__ loss)
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

// Backward of the GELU (tanh form) where no epilogue of a matrix product does it on the way; its forward always follows a product
// and is in epilogue.cu. And the exact GELU of imported models, both ways: no epilogue has it.
//
// Maths    gelu(x) = x s, s = sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3);  dx = dy (s + x s (1 - s) 2u')
//          exact: y = x Phi(x), Phi(x) = erfc(-x / sqrt 2) / 2;  dx = dy (Phi(x) + x phi(x)), phi = Phi'
// Launch   one dimension; a thread owns one pack of 16 bytes, as in elementwise.cu.
// Bytes    backward 3 arrays, or 4 when it accumulates; the exact form's forward 2.
// Flops    about 20 a value: under the 16 operations a byte that are free on an H200, but the exponential and
//          the division are two uses of the special function unit (16 a clock and SM): 132 x 16 x 1.9 GHz = 4 T/s, or 2 T values a
//          second, against 4.3 TB/s / 6 bytes = 0.7 T values. Memory limits, by a factor of three.
// Ladder   v1 tanhf: a branch and about 20 instructions                 predicted 70 to 80 % of copy bandwidth
//          v2 (this) the sigmoid form: one exp, one division            predicted 85 to 90 %
//          v3 tanh.approx.f32 (one instruction, error 5e-4)             not taken: its error is seen in fp32 tests and near bf16's
//          The exact form has one version: erfcf is about 30 operations, and two uses of the special function unit.
//          Predictions: none of it has run on a GPU yet. In bf16 cuBLASLt's epilogue DGELU does this for nothing.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/gelu.cuh"

// dx (+)= dy slope(x). dx may be dy's memory.
template <float (*slope)(float)>
__device__ __forceinline__ void slope_times(const real* dy, const real* x, real* dx, long long count, int accumulate)
{
    const long long first = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * PACK;
    if (first >= count) { return; }
    float g[PACK], v[PACK];
    load_pack(dy + first, count - first, g);
    load_pack(x + first, count - first, v);
    #pragma unroll
    for (int i = 0; i < PACK; i++) { g[i] *= slope(v[i]); }
    if (accumulate)
    {
        load_pack(dx + first, count - first, v);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { g[i] += v[i]; }
    }
    store_pack(dx + first, count - first, g);
}

extern "C" __global__ void gelu_backward(const real* dy, const real* x, real* dx, long long count, int accumulate)
{
    slope_times<gelu_gradient>(dy, x, dx, count, accumulate);
}

// y = x Phi(x)
extern "C" __global__ void gelu_erf_forward(const real* __restrict__ x, real* __restrict__ y, long long count)
{
    const long long first = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * PACK;
    if (first >= count) { return; }
    float v[PACK];
    load_pack(x + first, count - first, v);
    #pragma unroll
    for (int i = 0; i < PACK; i++) { v[i] = gelu_erf(v[i]); }
    store_pack(y + first, count - first, v);
}

extern "C" __global__ void gelu_erf_backward(const real* dy, const real* x, real* dx, long long count, int accumulate)
{
    slope_times<gelu_erf_gradient>(dy, x, dx, count, accumulate);
}

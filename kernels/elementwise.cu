// Elementwise passes: fill, cast, copy, add, scale, SiLU. The first file to read.
//
// Maths    r[i] = f(a[i], b[i]); nothing depends on a neighbour.
// Launch   one dimension; a thread owns one pack of 16 bytes: threads of a warp that stand side by side own packs that lie side by
//          side, so a warp's access is 512 bytes in a row. Blocks of 256 threads; as many as it takes; the last ones do less.
//
//              block 0                       block 1
//              thread 0   thread 1   ...     thread 0 ...
//              |--------| |--------|         |--------|
//          a:  a0 .. a7   a8 .. a15  ...     a2048 ..            (bf16: 8 values a pack; float: 4)
//
// Bytes    every array once: fill 1, copy, cast and SiLU 2, add with accumulation and SiLU backward with accumulation 3 and 4.
// Flops    0 to 15 a value. An H200 does 67 TFLOP/s of fp32 and copies 4.3 TB/s: 16 operations a byte come for free, so
//          memory limits every kernel here, and what counts is the size and number of accesses under way.
// Ladder   v1 a value a thread, 2 or 4 bytes an access                  predicted 50 to 70 % of copy bandwidth in bf16
//          v2 (this) a pack a thread, 16 bytes an access                predicted 85 to 92 %
//          v3 two or four packs a thread, to have more under way        predicted +1 to 3 %, at the cost of a longer tail
//          Predictions, not measurements: no step of this ladder has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"
#include "common/gelu.cuh"

// First value of the thread's pack.
__device__ __forceinline__ long long my_first(int values)
{
    return (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * values;
}

// Stores v, or adds it to what is there.
template <int N>
__device__ __forceinline__ void put_pack(real* to, long long left, float (&v)[N], int accumulate)
{
    if (accumulate)
    {
        float old[N];
        load_pack(to, left, old);
        #pragma unroll
        for (int i = 0; i < N; i++) { v[i] += old[i]; }
    }
    store_pack(to, left, v);
}

// x[i] = value
extern "C" __global__ void elementwise_fill(real* x, float value, long long count)
{
    const long long first = my_first(PACK);
    if (first >= count) { return; }
    float v[PACK];
    #pragma unroll
    for (int i = 0; i < PACK; i++) { v[i] = value; }
    store_pack(x + first, count - first, v);
}

// to[i] = from[i], whatever the bytes mean.
extern "C" __global__ void elementwise_copy(const unsigned char* from, unsigned char* to, long long bytes)
{
    const long long first = my_first(16);
    if (first >= bytes) { return; }
    if (bytes - first >= 16 && is_aligned_16(from) && is_aligned_16(to))
    {
        *reinterpret_cast<Words4*>(to + first) = *reinterpret_cast<const Words4*>(from + first);
        return;
    }
    for (long long i = first; i < bytes && i < first + 16; i++) { to[i] = from[i]; }
}

// y[i] = x[i], rounded to the activation type: compute weights from master weights.
extern "C" __global__ void elementwise_from_float(const float* __restrict__ x, real* __restrict__ y, long long count)
{
    const long long first = my_first(PACK);
    if (first >= count) { return; }
    float v[PACK];
    load_pack(x + first, count - first, v);
    store_pack(y + first, count - first, v);
}

// y[i] = x[i], widened.
extern "C" __global__ void elementwise_to_float(const real* __restrict__ x, float* __restrict__ y, long long count)
{
    const long long first = my_first(PACK);
    if (first >= count) { return; }
    float v[PACK];
    load_pack(x + first, count - first, v);
    store_pack(y + first, count - first, v);
}

// result[i] (+)= x[i]
extern "C" __global__ void elementwise_add(const real* x, real* result, long long count, int accumulate)
{
    const long long first = my_first(PACK);
    if (first >= count) { return; }
    float v[PACK];
    load_pack(x + first, count - first, v);
    put_pack(result + first, count - first, v, accumulate);
}

// x[i] *= factor[0]; the factor stays on the device, so the host does not wait.
extern "C" __global__ void elementwise_scale(real* x, const float* factor, long long count)
{
    const long long first = my_first(PACK);
    if (first >= count) { return; }
    const float f = factor[0];
    float v[PACK];
    load_pack(x + first, count - first, v);
    #pragma unroll
    for (int i = 0; i < PACK; i++) { v[i] *= f; }
    store_pack(x + first, count - first, v);
}

// y = x sigmoid(x)
extern "C" __global__ void elementwise_silu_forward(const real* __restrict__ x, real* __restrict__ y, long long count)
{
    const long long first = my_first(PACK);
    if (first >= count) { return; }
    float v[PACK];
    load_pack(x + first, count - first, v);
    #pragma unroll
    for (int i = 0; i < PACK; i++) { v[i] = silu(v[i]); }
    store_pack(y + first, count - first, v);
}

// dx (+)= dy s (1 + x (1 - s)), s = sigmoid(x). dx may be dy's memory.
extern "C" __global__ void elementwise_silu_backward(const real* dy, const real* x, real* dx, long long count, int accumulate)
{
    const long long first = my_first(PACK);
    if (first >= count) { return; }
    float g[PACK], v[PACK];
    load_pack(dy + first, count - first, g);
    load_pack(x + first, count - first, v);
    #pragma unroll
    for (int i = 0; i < PACK; i++) { g[i] *= silu_gradient(v[i]); }
    put_pack(dx + first, count - first, g, accumulate);
}

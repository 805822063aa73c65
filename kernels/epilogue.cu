// What follows a matrix product where cuBLASLt has no fused epilogue for it: float32 GELU, row lengths that are no multiple of 8,
// a residual with fewer rows than the result (positions, the same for every image).
//
//   v = c + bias;   pre = v, v = gelu(v);   v = v * gelu'(u);   c = v + residual[row mod R]
//
// each step only where its pointer is given.
//
// Launch: one thread an element, 256 threads a block, grid ceil(M N / 256). Neighbouring threads take neighbouring columns, so every
// access of a warp is one contiguous piece of 64 (bf16) or 128 (float) bytes.
// Bytes: M N (2 + one for each of u, residual and pre) elements; flops: about 15 M N with GELU. Memory bound.
//
// Versions: 1. this one. It runs where sizes are odd or in the parity mode, never on the path that is timed; 16-byte packs would have to
// split at row ends and buy nothing there.
//
// Constants: LDAE_BF16 is the type of c, u, residual and pre; BIAS_BF16 that of the bias.
#include "common/portable.cuh"
#include "common/gelu.cuh"

#if BIAS_BF16
typedef bf16 bias_type;
#else
typedef float bias_type;
#endif

extern "C" __global__ void epilogue_apply(const bias_type* __restrict__ bias, const real* __restrict__ u, const real* __restrict__ residual,
                                          real* __restrict__ pre, real* __restrict__ c, int rows, int columns, int residual_rows)
{
    const long long index = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= (long long)rows * columns)
    {
        return;
    }

    const int row = (int)(index / columns);
    const int column = (int)(index - (long long)row * columns);
    float v = to_float(c[index]);
    if (bias)
    {
        v += to_float(bias[column]);
    }

    if (pre)
    {
        pre[index] = from_float(v);
        v = gelu(v);
    }

    if (u)
    {
        v *= gelu_gradient(to_float(u[index]));
    }

    if (residual)
    {
        v += to_float(residual[(long long)(row % residual_rows) * columns + column]);
    }

    c[index] = from_float(v);
}

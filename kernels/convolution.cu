// Convolutions as matrix products: what cuBLASLt cannot do itself is to find a window's pixels.
//
// Maths    y = windows(x) W^T: row (b, i, j) of the windows holds the Kh Kw pixels of C channels under output pixel (i, j), zeros outside the
//          image. The gradient of x is the same thing seen from the other side: row (b, y, x) holds the N channels of the outputs
//          that read pixel (y, x), and W' = [Kh Kw N, C] is W with its first two axes exchanged. dW = dy^T windows(x).
//
//              row (b, i, j):   | u=0 v=0 | v=1    | v=2    | u=1 v=0 | ...        a pixel's C channels are neighbours in both,
//                               | C values| C      | C      | C       |            so a pack of 16 bytes is one wide copy
//
// Launch   a tile of rows at a time (32 MB of them, which stay in L2 for the product that follows); a thread copies one pack of a row:
//          writes in order, reads of runs of C values. Blocks of 256. LDAE_ALIGNED: C is a multiple of a pack.
// Bytes    windows written and read once, through L2: 9 values a pixel for a kernel of 3x3; x once from memory, then L1 and L2.
// Flops    none here; about 20 integer operations a pack for the place. The product: 2 Kh Kw C N a pixel, 147 thousand at 64 to 64
//          channels for 256 bytes of memory: tensor cores limit, and the copies are what they have to hide.
// Ladder   v1 the whole matrix of windows in memory                     9 times the activations; predicted 30 % of the tensor cores' rate
//          v2 (this) tiles in L2, product by cuBLASLt                   predicted 45 to 60 % at 128 channels
//          v3 implicit: windows gathered by cp.async into the product's own shared memory; no copy at all, predicted 75 %
//          v4 stride 2, backward: four products, one for each parity of the pixel, instead of windows of which 3/4 are zeros
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"

// How a row's place and a place of the kernel lead to the source, along one axis: (stride p + offset + direction k) / divisor, or -1.
struct Axis { int stride, offset, direction, divisor; };

__device__ __forceinline__ int source_of(const Axis& axis, int place, int tap, int size)
{
    const int at = axis.stride * place + axis.offset + axis.direction * tap;
    return at >= 0 && at % axis.divisor == 0 && at / axis.divisor < size ? at / axis.divisor : -1;
}

// What is read for column `column` of row `row`: an index into the source, or -1 for zero.
__device__ __forceinline__ long long window_place(int row, int column, const Axis& axis, int height, int width, int source_height, int source_width,
    int channels, int kernel_width)
{
    const int tap = column / channels, channel = column - tap * channels;
    const int u = tap / kernel_width, v = tap - u * kernel_width;
    const int line = row / width, j = row - line * width, image = line / height, i = line - image * height;
    const int y = source_of(axis, i, u, source_height), x = source_of(axis, j, v, source_width);
    if (y < 0 || x < 0) { return -1; }
    return ((static_cast<long long>(image) * source_height + y) * source_width + x) * channels + channel;
}

// windows[r, :] = the window of row first_row + r, `count` values in all. Grid over packs, 256 threads.
extern "C" __global__ void convolution_gather(const real* __restrict__ source, real* __restrict__ windows, long long count, int first_row,
    int height, int width, int source_height, int source_width, int channels, int kernel_width, int columns,
    int stride, int offset, int direction, int divisor)
{
    const long long first = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * PACK;
    if (first >= count) { return; }
    const Axis axis = { stride, offset, direction, divisor };
    const int row = static_cast<int>(first / columns), column = static_cast<int>(first - static_cast<long long>(row) * columns);
    float v[PACK] = {};
#if LDAE_ALIGNED
    const long long place = window_place(first_row + row, column, axis, height, width, source_height, source_width, channels, kernel_width);
    if (place >= 0) { load_aligned(source + place, v); }
#else
    #pragma unroll
    for (int i = 0; i < PACK; i++)
    {
        // A pack may run over into the next row, and at the end beyond the last one.
        const int over = (column + i) / columns;
        const long long place = window_place(first_row + row + over, column + i - over * columns, axis, height, width, source_height, source_width,
            channels, kernel_width);
        if (first + i < count && place >= 0) { v[i] = to_float(source[place]); }
    }
#endif
    store_pack(windows + first, count - first, v);
}

// swapped[tap, n, c] = weight[n, tap, c], in the type of activations: the weight for the gradient of the input. A value a thread:
// a weight is small compared with the windows. Grid over values, 256 threads.
extern "C" __global__ void convolution_swap_weight(const float* __restrict__ weight, real* __restrict__ swapped, int outputs, int taps, int inputs)
{
    const long long at = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (at >= static_cast<long long>(outputs) * taps * inputs) { return; }
    const int channel = static_cast<int>(at % inputs), n = static_cast<int>(at / inputs % outputs), tap = static_cast<int>(at / inputs / outputs);
    store_value(swapped + at, weight[(static_cast<long long>(n) * taps + tap) * inputs + channel]);
}

// Moving pixels: nearest up-sampling by two with its backward, and images to patches and back.
//
// Maths    y[b, i, j, c] = x[b, i / 2, j / 2, c];   dx[b, i, j, c] (+)= the sum of dy over the two by two pixels that came from it
//          patches[b, (i, j), (u, v, c)] (+)= image[b, i p + u, j p + v, c], and the other way round
// Launch   a thread makes one pack of 16 bytes. With LDAE_ALIGNED a pack never leaves a pixel (up-sampling) or a patch's row of pixels
//          (patches: runs of p C neighbouring values), and both sides are wide accesses; without, every value finds its own place.
//          Blocks of 256.
//
//              x   a b          y   a a b b         dx of a = sum of the four a's of dy
//                  c d              a a b b
//                                   c c d d
//                                   c c d d
//
// Bytes    up: x once, y once (5 values for each of x); patches: every value read and written once.
// Flops    none, or 4 a value of dx; about 15 integer operations a pack: memory limits.
// Ladder   v1 a value a thread                                          predicted 40 to 50 % of copy bandwidth in bf16
//          v2 (this) a pack a thread                                    predicted 75 to 85 %
//          v3 up-sampling inside the gather of the convolution that follows: no pass at all
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"

__device__ __forceinline__ long long first_of_pack()
{
    return (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * PACK;
}

// Element `at` of y [.., 2 H, 2 W, C] comes from this element of x [.., H, W, C]. `width` is x's.
__device__ __forceinline__ long long upsample_source(long long at, int width, int channels)
{
    const long long pixel = at / channels, line = pixel / (2 * width);  // Lines count through all images: 2 H is even.
    const int channel = static_cast<int>(at - pixel * channels), j = static_cast<int>(pixel - line * 2 * width);
    return (line / 2 * width + j / 2) * channels + channel;
}

// Element `at` of x [.., H, W, C]: the upper left of its four elements of y.
__device__ __forceinline__ long long upsample_target(long long at, int width, int channels)
{
    const long long pixel = at / channels, line = pixel / width;
    const int channel = static_cast<int>(at - pixel * channels), j = static_cast<int>(pixel - line * width);
    return (line * 4 * width + 2 * j) * channels + channel;
}

extern "C" __global__ void resample_up_forward(const real* __restrict__ x, real* __restrict__ y, long long count, int width, int channels)
{
    const long long first = first_of_pack();
    if (first >= count) { return; }
    float v[PACK];
#if LDAE_ALIGNED
    load_aligned(x + upsample_source(first, width, channels), v);
#else
    #pragma unroll
    for (int i = 0; i < PACK; i++) { v[i] = first + i < count ? to_float(x[upsample_source(first + i, width, channels)]) : 0.0f; }
#endif
    store_pack(y + first, count - first, v);
}

// count is that of dx.
extern "C" __global__ void resample_up_backward(const real* __restrict__ dy, real* dx, long long count, int width, int channels, int accumulate)
{
    const long long first = first_of_pack();
    if (first >= count) { return; }
    const long long below = 2ll * width * channels;
    float v[PACK] = {};
#if LDAE_ALIGNED
    const real* from = dy + upsample_target(first, width, channels);
    #pragma unroll
    for (int k = 0; k < 4; k++)
    {
        float part[PACK];
        load_aligned(from + (k / 2) * below + (k % 2) * channels, part);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { v[i] += part[i]; }
    }
#else
    #pragma unroll
    for (int i = 0; i < PACK; i++)
    {
        if (first + i >= count) { continue; }
        const real* from = dy + upsample_target(first + i, width, channels);
        v[i] = to_float(from[0]) + to_float(from[channels]) + to_float(from[below]) + to_float(from[below + channels]);
    }
#endif
    if (accumulate)
    {
        float old[PACK];
        load_pack(dx + first, count - first, old);
        #pragma unroll
        for (int i = 0; i < PACK; i++) { v[i] += old[i]; }
    }
    store_pack(dx + first, count - first, v);
}

// Element `at` of the patches [.., T, patch, run] is this element of the images; a run is a patch's row of pixels, `across` patches lie
// side by side.
__device__ __forceinline__ long long image_place(long long at, int patch, int across, int run)
{
    const long long line = at / run, token = line / patch, band = token / across;  // Bands of patches count through all images.
    const int inside = static_cast<int>(at - line * run), u = static_cast<int>(line - token * patch), j = static_cast<int>(token - band * across);
    return ((band * patch + u) * across + j) * run + inside;
}

// to[place(e)] (+)= from[place(e)], the place on one side being e itself and on the other the image's.
__device__ __forceinline__ void move_pack(const real* from, real* to, long long count, int patch, int across, int run, int to_patches, int accumulate)
{
    const long long first = first_of_pack();
    if (first >= count) { return; }
    float v[PACK], old[PACK] = {};
#if LDAE_ALIGNED
    const long long place = image_place(first, patch, across, run);
    const long long source = to_patches ? place : first, target = to_patches ? first : place;
    load_aligned(from + source, v);
    if (accumulate) { load_aligned(to + target, old); }
    #pragma unroll
    for (int i = 0; i < PACK; i++) { v[i] += old[i]; }
    store_aligned(to + target, v);
#else
    #pragma unroll
    for (int i = 0; i < PACK; i++)
    {
        if (first + i >= count) { continue; }
        const long long place = image_place(first + i, patch, across, run);
        const long long source = to_patches ? place : first + i, target = to_patches ? first + i : place;
        v[i] = to_float(from[source]);
        old[i] = accumulate ? to_float(to[target]) : 0.0f;
        store_value(to + target, v[i] + old[i]);
    }
#endif
}

extern "C" __global__ void resample_to_patches(const real* __restrict__ image, real* patches, long long count, int patch, int across, int run,
    int accumulate)
{
    move_pack(image, patches, count, patch, across, run, 1, accumulate);
}

extern "C" __global__ void resample_from_patches(const real* __restrict__ patches, real* image, long long count, int patch, int across, int run,
    int accumulate)
{
    move_pack(patches, image, count, patch, across, run, 0, accumulate);
}

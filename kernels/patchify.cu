// Images to rows of patches: bytes or floats become real values, each patch is flattened as (row, column, channel).
//
// Maths    patches[b, t, (y p + x) 3 + c] = pixels[b, top(t) + y, left(t) + x, c] * factor[c] + offset[c]
// Launch   a thread makes one pack of a patch: writes are in order, 16 bytes each; reads are single bytes that the L1 cache has after
//          the first (a patch's row of pixels is 3 p neighbouring bytes). Blocks of 256.
// Bytes    one byte read, one value written: 3 bytes a value in bf16.
// Flops    2 a value and about 10 integer operations a value for the place: the places are the work here, and still
//          memory limits (67 T operations against 1.4 T values a second).
// Ladder   v1 a thread a value, writes of 2 bytes                       predicted 50 % of copy bandwidth
//          v2 (this) a thread a pack                                    predicted 75 to 85 %
//          v3 never as a kernel of its own: latent_noise.cu reads the bytes itself.
//          Predictions: none of it has run on a GPU yet.
#include "common/portable.cuh"
#include "common/vector.cuh"

template <typename Pixel>
__device__ __forceinline__ void patchify(const Pixel* images, const float* range, real* patches, long long count, int height, int width, int patch)
{
    const long long first = (static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x) * PACK;
    if (first >= count) { return; }
    const int values = patch * patch * 3, across = width / patch, tokens = height / patch * across;
    float v[PACK];
    #pragma unroll
    for (int i = 0; i < PACK; i++)
    {
        if (first + i >= count) { v[i] = 0.0f; continue; }
        const int place = static_cast<int>((first + i) % values), pixel = place / 3, channel = place - pixel * 3;
        const long long token = (first + i) / values, image = token / tokens;
        const int inside = static_cast<int>(token - image * tokens);
        const int y = inside / across * patch + pixel / patch, x = inside % across * patch + pixel % patch;
        v[i] = images[((image * height + y) * width + x) * 3 + channel] * range[channel] + range[3 + channel];
    }
    store_pack(patches + first, count - first, v);
}

extern "C" __global__ void patchify_forward(const unsigned char* __restrict__ images, const float* __restrict__ range, real* __restrict__ patches,
    long long count, int height, int width, int patch)
{
    patchify(images, range, patches, count, height, width, patch);
}

// The same for images of floats.
extern "C" __global__ void patchify_values(const float* __restrict__ images, const float* __restrict__ range, real* __restrict__ patches,
    long long count, int height, int width, int patch)
{
    patchify(images, range, patches, count, height, width, patch);
}

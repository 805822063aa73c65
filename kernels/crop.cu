// From images of a data set that lives on the device to a training batch: random-resized-crop or centre, antialiased bicubic resizing
// as in Pillow, flip, and a network's input values. The same bytes as model/Data/Augmentation.cs and Bicubic.cs, whose boxes it gets.
//
// Maths    crop      a box an image, drawn on the host: exp, log and roots of another library could round differently, and with the box
//                    every byte would change; 40 bytes an image are cheap to upload
//          resize    byte = clamp(sum over taps of weight * byte >> 22): first along rows, rounded to bytes, then along columns; weights are
//                    Keys' cubic (a = -1/2) widened by the reduction, normalised in double and rounded to 22 fractional bits
//          flip      where the box has it;   value = byte * factor[channel] + offset[channel]
// Launch   a block of 256 threads an image.
//
//              a thread an output column or row: taps    -> shared  (first, count and weights for `size` columns and `size` rows)
//              a thread a pixel of [crop height, size]   global bytes -> rows resized -> shared
//              a thread a pixel of [size, size]          shared -> columns resized -> flip -> global
//
// Shared   (height * size * 3) bytes, then 2 size (taps + 2) ints: 48 KB at 96 x 96 from 96 x 96, 171 KB at 224 from 256 x 256.
// Bytes    a crop read, 3 to 12 bytes a pixel written.
// Flops    about 3 taps multiplications of integers a value and pass: 5 to 11 taps, so 60 to 130 operations a pixel: integer rate
//          limits, and a batch of 1024 images of 32 x 32 takes 10 us: negligible in a step.
// Ladder   v1 (this) a block an image                                   predicted 50 % of the integer rate
//          v2 four channels of one pixel packed into one register       not needed while a step takes 1000 times as long
//          Predictions: none of it has run on a GPU yet. A GPU fuses multiplications and additions of doubles, so a weight could come out one
//          step of 2^-22 away from the processor's when its value lies within 1e-16 of a rounding edge.
#include "common/portable.cuh"
#include "common/vector.cuh"

constexpr int FRACTION_BITS = 22;

// Which image, a part of it, the size that is resized to, where in the resized part the output begins, and whether it is mirrored:
// engine/Backends/CropBox.cs.
struct Crop { int image, left, top, width, height, resized_width, resized_height, across, down, mirrored; };

__device__ __forceinline__ double cubic(double x)
{
    x = x < 0 ? -x : x;
    return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

// Taps of one place of a resized axis: which source places it sums, and with which weights.
__device__ __forceinline__ void make_taps(int length, int resized, int place, int* first, int* count, int* weights)
{
    const double scale = static_cast<double>(length) / resized, reduction = scale > 1 ? scale : 1, support = 2 * reduction;
    const double center = (place + 0.5) * scale;
    const int start = max(0, static_cast<int>(center - support + 0.5)), taps = min(length, static_cast<int>(center + support + 0.5)) - start;
    double sum = 0;
    for (int k = 0; k < taps; k++) { sum += cubic((k + start - center + 0.5) * (1 / reduction)); }
    for (int k = 0; k < taps; k++)
    {
        const double value = cubic((k + start - center + 0.5) * (1 / reduction));
        const double weight = (sum != 0 ? value / sum : value) * (1 << FRACTION_BITS);
        weights[k] = static_cast<int>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    *first = start;
    *count = taps;
}

__device__ __forceinline__ unsigned char weighted(const unsigned char* from, int stride, const int* weights, int count)
{
    int sum = 1 << (FRACTION_BITS - 1);
    for (int k = 0; k < count; k++) { sum += from[k * stride] * weights[k]; }
    return static_cast<unsigned char>(min(255, max(0, sum >> FRACTION_BITS)));
}

// images [.., height, width, 3]; boxes: one for each place of the batch. bytes and values [batch, size, size, 3], either may
// be null; range [2, 3] is for the values. taps: room for one place's weights. One block an image, 256 threads.
extern "C" __global__ void crop_images(const unsigned char* __restrict__ images, const int* __restrict__ boxes, const float* __restrict__ range,
    unsigned char* __restrict__ bytes, real* __restrict__ values, int height, int width, int size, int taps)
{
    SHARED_MEMORY(memory);
    int* weights = reinterpret_cast<int*>(memory);                // [2, size, taps]: columns, then rows
    int* first = weights + 2 * size * taps;                       // [2, size]
    int* count = first + 2 * size;                                // [2, size]
    unsigned char* rows = reinterpret_cast<unsigned char*>(count + 2 * size);  // [crop height, size, 3]
    const Crop crop = reinterpret_cast<const Crop*>(boxes)[blockIdx.x];
    for (int i = threadIdx.x; i < 2 * size; i += blockDim.x)
    {
        const bool column = i < size;
        make_taps(column ? crop.width : crop.height, column ? crop.resized_width : crop.resized_height,
            column ? i + crop.across : i - size + crop.down, first + i, count + i, weights + i * taps);
    }
    block_barrier();
    const unsigned char* image = images + (static_cast<long long>(crop.image) * height + crop.top) * width * 3ll + crop.left * 3;
    for (int i = threadIdx.x; i < crop.height * size * 3; i += blockDim.x)
    {
        const int channel = i % 3, x = i / 3 % size, y = i / 3 / size;
        rows[i] = weighted(image + (static_cast<long long>(y) * width + first[x]) * 3 + channel, 3, weights + x * taps, count[x]);
    }
    block_barrier();
    for (int i = threadIdx.x; i < size * size * 3; i += blockDim.x)
    {
        const int channel = i % 3, x = i / 3 % size, y = i / 3 / size, from = crop.mirrored ? size - 1 - x : x;
        const unsigned char byte = weighted(rows + (first[size + y] * size + from) * 3 + channel, size * 3, weights + (size + y) * taps, count[size + y]);
        const long long at = static_cast<long long>(blockIdx.x) * size * size * 3 + i;
        if (bytes != nullptr) { bytes[at] = byte; }
        if (values != nullptr) { store_value(values + at, byte * range[channel] + range[3 + channel]); }
    }
}

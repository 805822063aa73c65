// The sinusoids of a time step, cosines first.
//
// Maths    y[b, i] = cos(t_b w_i), y[b, k + i] = sin(t_b w_i), w_i = 10000^(-i/k), k = width / 2.
// Launch   a thread a pair (b, i): cosine and sine of one angle. Blocks of 256.
// Bytes    2 k values an image written, and as good as nothing read.
// Flops    about 60 a pair, a third of them in double.
// Limit    the launch itself: 256 images by 128 pairs are done in two microseconds.
// Ladder   v1 float throughout: t = 1000 leaves 6e-5 of error in the sine, as a float near 1000 has steps of 6e-5
//          v2 (this) angle in turns by double, whole turns dropped there, then a float sincospi of what is left
//          Predicted, not measured on a GPU.
#include "common/portable.cuh"
#include "common/vector.cuh"

extern "C" __global__ void timestep_sinusoids(const float* __restrict__ t, real* __restrict__ y, int images, int half)
{
    const int pair = blockIdx.x * blockDim.x + threadIdx.x;
    if (pair >= images * half) { return; }
    const int image = pair / half, i = pair % half;

    // log2(10000) = 13.28771237954945; 1 / (2 pi) turns a radian into turns.
    const double frequency = exp2(-13.287712379549449 * i / half);
    const double turns = static_cast<double>(t[image]) * frequency * 0.15915494309189535;
    float sine, cosine;
    sincospif(static_cast<float>(2.0 * (turns - floor(turns))), &sine, &cosine);
    real* row = y + static_cast<long long>(image) * 2 * half;
    store_value(row + i, cosine);
    store_value(row + half + i, sine);
}

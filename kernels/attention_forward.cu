// Attention, forward, on tensor cores. For each image and head, with Q, K, V [T, D] and scale = 1 / sqrt(D):
//
//     S = scale Q K^T       P = exp(S - lse), lse = log of the row sums of exp(S)       O = P V
//
// Launch: grid (query blocks, heads, images); a block has up to 4 warps, a warp ROW_TILES x 16 queries.
// Q, K and V of a head are columns of the packed rows qkv [B T, 3 C]; O goes to [B T, C]; lse [B, heads, T] is kept for the
// backward instead of P, so memory is linear in T.
//
// Each block copies its queries, then K and V in tiles of 64 keys through a ring of STAGES places. Up to STAGES tiles (256
// tokens at D = 64) the ring never wraps: the whole head is resident and all its copies are in flight before the first product.
//
// Flops 4 T^2 D a head. Bytes (4 T D) * 2 + 4 T a head, and K, V once more for each further query block, mostly from the L2 cache.
// At T = 256, D = 64: 16.8 MFLOP for 131 KB, 128 flop a byte.
//
// Ladder (docs/kernels/attention.md has what each step is expected to buy):
//   1  attention_plain.cu: the same walk by plain fp32 arithmetic
//   2  mma.sync with operands by ldmatrix from swizzled tiles, P kept in registers
//   3  cp.async ring
//   4  32 query rows a warp: every operand from shared memory serves two products      <- here
//   5  wgmma and TMA on sm_90, behind this entry point                                  (to come)
#include "common/attention.cuh"

constexpr int KEY_TILE = 64, SCORES = KEY_TILE / 8, OUTPUTS = HEAD_SIZE / 8, WARP_ROWS = 16 * ROW_TILES;

// What a warp knows of its rows so far. A lane has two rows of each 16: g and g + 8.
struct RowState {
    float output[ROW_TILES][OUTPUTS][4]; // sum over keys of exp(s - max) v
    float max[ROW_TILES][2];             // largest raw score
    float sum[ROW_TILES][2];             // sum of exp(s - max) over the keys this lane has seen
};

__device__ __forceinline__ void start(RowState& state)
{
    clear(state.output);
#pragma unroll
    for (int m = 0; m < ROW_TILES; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            state.max[m][half] = -infinity();
            state.sum[m][half] = 0;
        }
}

// Keys past the last token take no part.
__device__ __forceinline__ void hide_tail(float (&s)[ROW_TILES][SCORES][4], int keys_left)
{
#pragma unroll
    for (int m = 0; m < ROW_TILES; m++)
#pragma unroll
        for (int n = 0; n < SCORES; n++)
#pragma unroll
            for (int i = 0; i < 4; i++)
                if (8 * n + 2 * (lane_index() % 4) + i % 2 >= keys_left) s[m][n][i] = -infinity();
}

// Turns scores into weights exp(scale (s - max)) against a running maximum, and shrinks what was summed against the old one.
// exp(x) is one instruction as 2^(x log2 e); the logarithm's factor is folded into the scale: p = 2^(s c - max c), one FMA and
// one ex2 for each weight. The four lanes that share a row agree on the maximum; sums are joined once, at the end.
__device__ __forceinline__ void softmax_rows(float (&s)[ROW_TILES][SCORES][4], RowState& state, float scale_log2)
{
#pragma unroll
    for (int m = 0; m < ROW_TILES; m++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float top = state.max[m][half];
#pragma unroll
            for (int n = 0; n < SCORES; n++) top = fmaxf(top, fmaxf(s[m][n][2 * half], s[m][n][2 * half + 1]));
            top = fmaxf(top, shuffle_xor(top, 1));
            top = fmaxf(top, shuffle_xor(top, 2));

            float shrink = exp2_fast((state.max[m][half] - top) * scale_log2), offset = top * scale_log2, sum = 0;
#pragma unroll
            for (int n = 0; n < SCORES; n++)
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; i++) {
                    s[m][n][i] = exp2_fast(s[m][n][i] * scale_log2 - offset);
                    sum += s[m][n][i];
                }

            state.max[m][half] = top;
            state.sum[m][half] = state.sum[m][half] * shrink + sum;
#pragma unroll
            for (int n = 0; n < OUTPUTS; n++) {
                state.output[m][n][2 * half] *= shrink;
                state.output[m][n][2 * half + 1] *= shrink;
            }
        }
}

__device__ __forceinline__ void accumulate_output(RowState& state, const float (&weights)[ROW_TILES][SCORES][4], const bf16* values)
{
    unsigned packed[ROW_TILES][SCORES / 2][4];
    pack_weights(packed, weights);
    add_weighted_rows(state.output, packed, values, 0);
}

// O = output / sum through the warp's own rows of the query tile, and lse = scale max + log(sum).
__device__ __forceinline__ void finish(
    RowState& state, bf16* queries, bf16* o, int stride, float* log_sum_exp, int block_row, int tokens, float scale)
{
#pragma unroll
    for (int m = 0; m < ROW_TILES; m++) {
        int row = warp_index() * WARP_ROWS + 16 * m;
        float inverse[2];
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float sum = state.sum[m][half];
            sum += shuffle_xor(sum, 1);
            sum += shuffle_xor(sum, 2);
            inverse[half] = 1 / sum;
            int token = block_row + row + lane_index() / 4 + 8 * half;
            if (lane_index() % 4 == 0 && token < tokens) log_sum_exp[token] = state.max[m][half] * scale + logf(sum);
        }

        store_rows(state.output[m], inverse[0], inverse[1], queries, row, 0, o, stride, block_row + row, tokens);
    }
}

extern "C" __global__ void __launch_bounds__(128, 2) attention_forward(
    const bf16* __restrict__ qkv, bf16* __restrict__ output, float* __restrict__ log_sum_exp, int heads, int tokens, float scale)
{
    SHARED_MEMORY(memory);
    int block_rows = blockDim.x / WARP * WARP_ROWS, block_row = blockIdx.x * block_rows;
    int width = heads * HEAD_SIZE, stride = 3 * width;
    int tiles = (tokens + KEY_TILE - 1) / KEY_TILE, places = min(tiles, STAGES);
    long long first_token = (long long)blockIdx.z * tokens;
    const bf16* q = qkv + first_token * stride + blockIdx.y * HEAD_SIZE;
    const bf16 *k = q + width, *v = k + width;

    bf16* queries = (bf16*)memory;
    bf16* keys = queries + block_rows * HEAD_SIZE;
    bf16* values = keys + places * KEY_TILE * HEAD_SIZE;

    auto load_keys_and_values = [&](int tile) {
        int place = tile % STAGES * KEY_TILE * HEAD_SIZE;
        load_tile<HEAD_SIZE>(keys + place, k, stride, tile * KEY_TILE, KEY_TILE, tokens);
        load_tile<HEAD_SIZE>(values + place, v, stride, tile * KEY_TILE, KEY_TILE, tokens);
    };

    // One group of copies for each tile, so that waiting for "all but the last few groups" means "tile so-and-so has arrived".
    load_tile<HEAD_SIZE>(queries, q, stride, block_row, block_rows, tokens);
    for (int tile = 0; tile < STAGES; tile++) {
        if (tile < tiles) load_keys_and_values(tile);
        copy_async_commit();
    }

    RowState state;
    start(state);
    unsigned q_rows[ROW_TILES][HEAD_SIZE / 16][4];
    for (int tile = 0; tile < tiles; tile++) {
        copy_async_wait<STAGES - 2>();
        block_barrier();
        if (tile == 0) load_rows(q_rows, queries, warp_index() * WARP_ROWS);
        if (tile > 0) {
            // The barrier also means that all warps are done with the previous tile: its memory is free.
            if (tile - 1 + STAGES < tiles) load_keys_and_values(tile - 1 + STAGES);
            copy_async_commit();
        }

        int place = tile % STAGES * KEY_TILE * HEAD_SIZE, keys_left = tokens - tile * KEY_TILE;
        float s[ROW_TILES][SCORES][4];
        clear(s);
        dot_rows(s, q_rows, keys + place, 0);
        if (keys_left < KEY_TILE) hide_tail(s, keys_left);
        softmax_rows(s, state, scale * LOG2_E);
        accumulate_output(state, s, values + place);
    }

    bf16* o = output + first_token * width + blockIdx.y * HEAD_SIZE;
    finish(state, queries, o, width, log_sum_exp + ((long long)blockIdx.z * heads + blockIdx.y) * tokens, block_row, tokens, scale);
}

// What the attention kernels share: how a head lies in memory, tiles of bf16 in shared memory, and the two matrix products
// that everything in attention is made of. docs/kernels/attention.md draws the layouts.
//
// A warp multiplies 16 x 16 by 16 x 8 in one instruction, mma.sync.m16n8k16. The operands are spread over its 32 lanes: with
// g = lane / 4 and t = lane % 4, a lane holds
//     a[0] = A(g, 2t..2t+1)   a[1] = A(g+8, 2t..)   a[2] = A(g, 2t+8..)   a[3] = A(g+8, 2t+8..)      two bf16 a register
//     b[0] = B(2t..2t+1, g)   b[1] = B(2t+8.., g)
//     d[0], d[1] = D(g, 2t..2t+1)   d[2], d[3] = D(g+8, 2t..)                                        one float a register
// D of one product therefore has the shape of half an A of the next one: weights never leave the registers between the
// product that makes the scores and the product that uses them.
#pragma once

#include "common/portable.cuh"

constexpr int WARP = 32;
constexpr float LOG2_E = 1.44269504088896f, LN_2 = 0.693147180559945f;

// 16 bytes, the unit of every copy: 8 bf16.
struct alignas(16) Chunk { unsigned words[4]; };

__device__ __forceinline__ int lane_index() { return threadIdx.x % WARP; }
__device__ __forceinline__ int warp_index() { return threadIdx.x / WARP; }

// ---- Tiles -----------------------------------------------------------------------------------------------------------
// A tile is a matrix of bf16 in shared memory, rows of COLUMNS / 8 chunks without padding. ldmatrix reads 8 chunks at once,
// the same chunk of 8 successive rows; they must lie in 8 different groups of 4 banks, that is, differ in (position mod 8).
// Rows are COLUMNS / 8 positions apart, so without help 8 rows of a 64-column tile would all meet in one bank group. The
// chunk index is therefore XORed with bits of the row: as many bits as the row length has factors of two (up to three), taken
// from the row where its natural positions start to repeat. Rows stay inside their own memory, for any multiple of 16 columns.
template <int COLUMNS>
__device__ __forceinline__ int tile_offset(int row, int chunk)
{
    constexpr int chunks = COLUMNS / 8;
    constexpr int span = chunks % 8 == 0 ? 8 : chunks % 4 == 0 ? 4 : 2;
    return (row * chunks + (chunk ^ (row / (8 / span) % span))) * 8;
}

// Starts copying rows [first, first + rows) of a head into a tile, 16 bytes a thread at a time; rows past the last token
// become zero. The caller commits. `stride` is the distance of two tokens in elements.
template <int COLUMNS>
__device__ __forceinline__ void load_tile(bf16* tile, const bf16* head, int stride, int first, int rows, int tokens)
{
    constexpr int chunks = COLUMNS / 8;
    for (int i = threadIdx.x; i < rows * chunks; i += blockDim.x) {
        int row = i / chunks, chunk = i % chunks;
        bool inside = first + row < tokens;
        const bf16* from = head + (inside ? (first + row) * stride + chunk * 8 : 0);
        copy_async_16(tile + tile_offset<COLUMNS>(row, chunk), from, inside ? 16 : 0);
    }
}

// ---- Operands from shared memory -------------------------------------------------------------------------------------
// ldmatrix loads four 8 x 8 matrices; lane i names row i % 8 of matrix i / 8. Which matrix becomes which register decides
// between two orders of addresses, and "transposed" hands each lane a column pair instead of a row pair:
//     stored row by row as        order of the four matrices        transposed
//     A [m][k]                    down first (rows, then chunks)    no
//     A [k][m]                    across first                      yes
//     B [n][k], two n-tiles       across first                      no
//     B [k][n], two n-tiles       down first                        yes
template <int COLUMNS>
__device__ __forceinline__ const bf16* down_first(const bf16* tile, int row, int column)
{
    // Multiples of 8 rows leave the XOR as it is, so they are added outside of it.
    return tile + row * COLUMNS + tile_offset<COLUMNS>(lane_index() % 16, column / 8 + lane_index() / 16);
}

template <int COLUMNS>
__device__ __forceinline__ const bf16* across_first(const bf16* tile, int row, int column)
{
    return tile + row * COLUMNS + tile_offset<COLUMNS>(lane_index() % 8 + lane_index() / 16 * 8, column / 8 + lane_index() / 8 % 2);
}

// ---- Products --------------------------------------------------------------------------------------------------------
// One step of 16 along the summed dimension, for two neighbouring n-tiles.
__device__ __forceinline__ void multiply_16(float (&left)[4], float (&right)[4], const unsigned (&a)[4], const unsigned (&b)[4])
{
    unsigned b_left[2] = {b[0], b[1]}, b_right[2] = {b[2], b[3]};
    mma_bf16_16x8x16(left, a, b_left);
    mma_bf16_16x8x16(right, a, b_right);
}

template <int M, int N>
__device__ __forceinline__ void clear(float (&d)[M][N][4])
{
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int n = 0; n < N; n++)
#pragma unroll
            for (int i = 0; i < 4; i++) d[m][n][i] = 0;
}

// The A operands of M x 16 rows of a tile, all HEAD_SIZE columns: kept by a warp that meets many tiles with the same rows.
template <int M>
__device__ __forceinline__ void load_rows(unsigned (&a)[M][HEAD_SIZE / 16][4], const bf16* tile, int row)
{
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int k = 0; k < HEAD_SIZE / 16; k++) load_matrix_x4(a[m][k], down_first<HEAD_SIZE>(tile, row + 16 * m, 16 * k));
}

// d += A B^T, summed over the head's columns: scores of the warp's rows (in registers) against N * 8 rows of a tile.
template <int M, int N>
__device__ __forceinline__ void dot_rows(float (&d)[M][N][4], const unsigned (&a)[M][HEAD_SIZE / 16][4], const bf16* tile, int row)
{
#pragma unroll
    for (int k = 0; k < HEAD_SIZE / 16; k++)
#pragma unroll
        for (int n = 0; n < N; n += 2) {
            unsigned b[4];
            load_matrix_x4(b, across_first<HEAD_SIZE>(tile, row + 8 * n, 16 * k));
#pragma unroll
            for (int m = 0; m < M; m++) multiply_16(d[m][n], d[m][n + 1], a[m][k], b);
        }
}

// The same with A in a tile as well: its operands are loaded where they are used, for warps short of registers.
template <int M, int N>
__device__ __forceinline__ void dot_rows(float (&d)[M][N][4], const bf16* a_tile, int a_row, const bf16* tile, int row)
{
#pragma unroll
    for (int k = 0; k < HEAD_SIZE / 16; k++) {
        unsigned a[M][4];
#pragma unroll
        for (int m = 0; m < M; m++) load_matrix_x4(a[m], down_first<HEAD_SIZE>(a_tile, a_row + 16 * m, 16 * k));
#pragma unroll
        for (int n = 0; n < N; n += 2) {
            unsigned b[4];
            load_matrix_x4(b, across_first<HEAD_SIZE>(tile, row + 8 * n, 16 * k));
#pragma unroll
            for (int m = 0; m < M; m++) multiply_16(d[m][n], d[m][n + 1], a[m], b);
        }
    }
}

// Rounds a warp's M x 16 rows of N * 8 weights to bf16. The accumulator layout of two n-tiles is the A layout of one k-step.
template <int M, int N>
__device__ __forceinline__ void pack_weights(unsigned (&a)[M][N / 2][4], const float (&d)[M][N][4])
{
#pragma unroll
    for (int m = 0; m < M; m++)
#pragma unroll
        for (int k = 0; k < N / 2; k++) {
            a[m][k][0] = pack_bf16(d[m][2 * k][0], d[m][2 * k][1]);
            a[m][k][1] = pack_bf16(d[m][2 * k][2], d[m][2 * k][3]);
            a[m][k][2] = pack_bf16(d[m][2 * k + 1][0], d[m][2 * k + 1][1]);
            a[m][k][3] = pack_bf16(d[m][2 * k + 1][2], d[m][2 * k + 1][3]);
        }
}

// d += W B, summed over K * 16 rows of a tile: weighted sums of its rows.
template <int M, int K>
__device__ __forceinline__ void add_weighted_rows(float (&d)[M][HEAD_SIZE / 8][4], const unsigned (&w)[M][K][4], const bf16* tile, int row)
{
#pragma unroll
    for (int k = 0; k < K; k++)
#pragma unroll
        for (int n = 0; n < HEAD_SIZE / 8; n += 2) {
            unsigned b[4];
            load_matrix_x4_transposed(b, down_first<HEAD_SIZE>(tile, row + 16 * k, 8 * n));
#pragma unroll
            for (int m = 0; m < M; m++) multiply_16(d[m][n], d[m][n + 1], w[m][k], b);
        }
}

// ---- Results ---------------------------------------------------------------------------------------------------------
// Writes a warp's 16 rows of N * 8 results, times a factor for each of a lane's two rows, to memory. They pass through a
// tile that no other warp reads any more: the accumulators would be written in pieces of 4 bytes, the tile is in 16.
template <int N>
__device__ __forceinline__ void store_rows(
    const float (&d)[N][4], float upper, float lower, bf16* tile, int row, int column, bf16* head, int stride, int token, int tokens)
{
    int g = lane_index() / 4, t = lane_index() % 4;
#pragma unroll
    for (int n = 0; n < N; n++) {
        int chunk = column / 8 + n;
        *(unsigned*)(tile + tile_offset<HEAD_SIZE>(row + g, chunk) + 2 * t) = pack_bf16(d[n][0] * upper, d[n][1] * upper);
        *(unsigned*)(tile + tile_offset<HEAD_SIZE>(row + g + 8, chunk) + 2 * t) = pack_bf16(d[n][2] * lower, d[n][3] * lower);
    }

    warp_barrier();
    for (int i = lane_index(); i < 16 * N; i += WARP) {
        int r = i / N, chunk = column / 8 + i % N;
        if (token + r < tokens)
            *(Chunk*)(head + (token + r) * stride + chunk * 8) = *(const Chunk*)(tile + tile_offset<HEAD_SIZE>(row + r, chunk));
    }
}

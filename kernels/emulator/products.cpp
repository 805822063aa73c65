// D = epilogue(alpha op(A) op(B) + beta C), column-major, sums in float32, k ascending: the arithmetic behind blaslt.cpp.
//
// D is cut into tiles, one task each. A tile's part of op(A) is packed into strips of 16 rows and that of op(B) into strips of
// 6 columns, 256 of k at a time, converted to float; a kernel of 16 x 6 sums in twelve registers runs over pairs of strips.
// The order of additions does not depend on tiles or threads.
// Not modelled: split k, TF32, the tensor cores' own order of additions.
#pragma GCC optimize("O3")
#pragma GCC target("arch=x86-64-v3")
#include "products.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ldae_emulator {
namespace {

constexpr int StripRows = 16, StripColumns = 6, TileRows = 192, TileColumns = 96, PartDepth = 256;

typedef float Vector __attribute__((vector_size(32), aligned(4)));

float load(const Matrix& matrix, int64_t index) {
    if (!matrix.is_bf16) return static_cast<const float*>(matrix.data)[index];
    uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(matrix.data)[index]) << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

void store(const Matrix& matrix, int64_t index, float value) {
    if (!matrix.is_bf16) {
        static_cast<float*>(matrix.data)[index] = value;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &value, 4);
    bits = value != value ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
    static_cast<uint16_t*>(matrix.data)[index] = static_cast<uint16_t>(bits);
}

// Packs `count` (of at most a strip) vectors of op(X), each `depth` long, into [depth][width], zeros beyond count. Vector v at
// depth k is element v along + k across of the matrix, with one of the two strides 1.
template <int width> void pack_strip(const Matrix& matrix, int64_t start, int64_t along, int64_t across, int count, int depth, float* to) {
    if (count < width) memset(to, 0, sizeof(float) * static_cast<size_t>(width * depth));
    if (along == 1) {
        for (int k = 0; k < depth; k++) {
            for (int v = 0; v < count; v++) to[k * width + v] = load(matrix, start + v + k * across);
        }
    } else {
        for (int v = 0; v < count; v++) {
            for (int k = 0; k < depth; k++) to[k * width + v] = load(matrix, start + v * along + k * across);
        }
    }
}

// sums[6 columns][16 rows, `stride` floats a column] += a strip of A times a strip of B.
void multiply_strips(const float* a, const float* b, int depth, float* sums, int stride) {
    Vector low[StripColumns], high[StripColumns];
    for (int j = 0; j < StripColumns; j++) {
        low[j] = *reinterpret_cast<Vector*>(sums + j * stride);
        high[j] = *reinterpret_cast<Vector*>(sums + j * stride + 8);
    }
    for (int k = 0; k < depth; k++) {
        Vector a_low = *reinterpret_cast<const Vector*>(a + k * StripRows), a_high = *reinterpret_cast<const Vector*>(a + k * StripRows + 8);
#pragma GCC unroll 6
        for (int j = 0; j < StripColumns; j++) {
            float value = b[k * StripColumns + j];
            low[j] += a_low * value;
            high[j] += a_high * value;
        }
    }
    for (int j = 0; j < StripColumns; j++) {
        *reinterpret_cast<Vector*>(sums + j * stride) = low[j];
        *reinterpret_cast<Vector*>(sums + j * stride + 8) = high[j];
    }
}

// GELU in the tanh form and its slope.
float gelu(float x) { return 0.5f * x * (1.0f + tanhf(0.7978845608f * (x + 0.044715f * x * x * x))); }
float gelu_slope(float x) {
    float t = tanhf(0.7978845608f * (x + 0.044715f * x * x * x));
    return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * 0.7978845608f * (1.0f + 3.0f * 0.044715f * x * x);
}

void finish_tile(const Product& p, int64_t row, int64_t column, int rows, int columns, const float* sums) {
    for (int j = 0; j < columns; j++) {
        for (int i = 0; i < rows; i++) {
            float value = p.alpha * sums[j * TileRows + i];
            int64_t aux = row + i + (column + j) * p.aux_leading;
            if (p.beta != 0.0f) value += p.beta * load(p.c, row + i + (column + j) * p.c.leading);
            if (p.bias.data != nullptr) value += load(p.bias, row + i);
            if (p.activation == Activation::gelu) {
                store(p.aux, aux, value);
                value = gelu(value);
            } else if (p.activation == Activation::gelu_slope) {
                value *= gelu_slope(load(p.aux, aux));
            }
            store(p.d, row + i + (column + j) * p.d.leading, value);
        }
    }
}

struct Buffers {
    float a[TileRows * PartDepth], b[TileColumns * PartDepth], sums[TileRows * TileColumns];
};

void multiply_tile(const Product& p, int64_t row, int64_t column, int rows, int columns) {
    static thread_local Buffers* buffers = new Buffers();  // the pool's threads live to the end of the process
    memset(buffers->sums, 0, sizeof buffers->sums);
    // op(A)(i, k) is at i + k lda, or at k + i lda when transposed; op(B)(k, j) at k + j ldb, or j + k ldb.
    int64_t a_along = p.transpose_a ? p.a.leading : 1, a_across = p.transpose_a ? 1 : p.a.leading;
    int64_t b_along = p.transpose_b ? 1 : p.b.leading, b_across = p.transpose_b ? p.b.leading : 1;
    for (int64_t k = 0; k < p.k; k += PartDepth) {
        int depth = static_cast<int>(std::min<int64_t>(PartDepth, p.k - k));
        for (int i = 0; i < rows; i += StripRows) {
            pack_strip<StripRows>(p.a, (row + i) * a_along + k * a_across, a_along, a_across, std::min(StripRows, rows - i), depth, buffers->a + i * depth);
        }
        for (int j = 0; j < columns; j += StripColumns) {
            pack_strip<StripColumns>(p.b, (column + j) * b_along + k * b_across, b_along, b_across, std::min(StripColumns, columns - j), depth, buffers->b + j * depth);
        }
        for (int j = 0; j < columns; j += StripColumns) {
            for (int i = 0; i < rows; i += StripRows) {
                multiply_strips(buffers->a + i * depth, buffers->b + j * depth, depth, buffers->sums + j * TileRows + i, TileRows);
            }
        }
    }
    finish_tile(p, row, column, rows, columns, buffers->sums);
}

}  // namespace

void run_product(const Product& p) {
    int64_t tile_columns = TileColumns, across = (p.m + TileRows - 1) / TileRows;
    while (tile_columns > 2 * StripColumns && across * ((p.n + tile_columns - 1) / tile_columns) < 2 * pool_size()) tile_columns /= 2;
    int64_t down = (p.n + tile_columns - 1) / tile_columns;
    run_tasks(static_cast<int>(across * down), [&](int task) {
        int64_t row = task % across * TileRows, column = task / across * tile_columns;
        multiply_tile(p, row, column, static_cast<int>(std::min<int64_t>(TileRows, p.m - row)),
                      static_cast<int>(std::min<int64_t>(tile_columns, p.n - column)));
    });
}

}  // namespace ldae_emulator

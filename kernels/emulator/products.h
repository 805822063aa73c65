// A matrix product with what cuBLASLt may do to its result.
#pragma once
#include "runtime.h"

namespace ldae_emulator {

struct Matrix {  // column-major, float or bf16
    void* data = nullptr;
    int64_t leading = 0;
    bool is_bf16 = false;
};

enum class Activation { none, gelu, gelu_slope };

struct Product {
    int64_t m, n, k;
    bool transpose_a, transpose_b;
    float alpha, beta;
    Matrix a, b, c, d;
    Matrix bias;             // one value a row of D; none when its data is null
    Matrix aux;              // gelu: receives what goes into it; gelu_slope: holds that
    int64_t aux_leading = 0;
    Activation activation = Activation::none;
};

void run_product(const Product& product);

}  // namespace ldae_emulator

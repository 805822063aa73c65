// libcublasLt as far as the engine calls it: descriptions of products, one algorithm for each that it supports, the product.
// Modelled: C and D apart or the same, alpha and beta, transposes, float and bf16, the epilogues DEFAULT, BIAS, GELU_AUX,
// GELU_AUX_BIAS, DGELU; like the original, no GELU epilogue for float operands or an auxiliary matrix whose leading
// dimension does not divide by 8 (NOT_SUPPORTED, the caller has kernels for these); workspace and algorithm are checked.
// Not modelled: batches, integer and 8-bit types, scale pointers, row-major layouts, several algorithms.
#include "driver.h"
#include "products.h"

#include <cstring>

namespace ldae_emulator {
namespace {

enum BlasStatus : int { BlasSuccess = 0, BlasInvalidValue = 7, BlasExecutionFailed = 13, BlasNotSupported = 15 };
constexpr int Float32 = 0, BFloat16 = 14, ComputeFloat32 = 68;
constexpr int EpilogueDefault = 1, EpilogueBias = 4, EpilogueGeluAux = 160, EpilogueGeluAuxBias = 164, EpilogueGeluGradient = 192;
constexpr uint64_t TheAlgorithm = 0x6c646165656d7531;  // what the opaque words of our one algorithm hold

struct Description {
    int compute, scale;
    int transpose_a = 0, transpose_b = 0, epilogue = EpilogueDefault;
    void* bias = nullptr;
    void* aux = nullptr;
    int64_t aux_leading = 0;
    int bias_type = -1;  // that of D
};

struct Layout {
    int type;
    uint64_t rows, columns;
    int64_t leading;
};

struct Preference { uint64_t workspace = 0; };

struct Algorithm { uint64_t words[8]; };

struct Candidate {
    Algorithm algorithm;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};
static_assert(sizeof(Candidate) == 96, "cublasLtMatmulHeuristicResult_t has 96 bytes");

template <typename T> bool take(T* to, const void* from, size_t bytes) {
    if (bytes != sizeof(T)) return false;
    memcpy(to, from, sizeof(T));
    return true;
}

bool is_type(int type) { return type == Float32 || type == BFloat16; }

// Whether a product can be done; the shapes must fit in any case.
int check(const Description& p, const Layout& a, const Layout& b, const Layout& c, const Layout& d) {
    uint64_t m = p.transpose_a ? a.columns : a.rows, k = p.transpose_a ? a.rows : a.columns;
    uint64_t n = p.transpose_b ? b.rows : b.columns, bk = p.transpose_b ? b.columns : b.rows;
    if (k != bk || d.rows != m || d.columns != n || c.rows != m || c.columns != n || m == 0 || n == 0 || k == 0) return BlasInvalidValue;
    for (const Layout* layout : {&a, &b, &c, &d}) {
        if (!is_type(layout->type)) return BlasNotSupported;
        if (layout->leading < static_cast<int64_t>(layout->rows)) return BlasInvalidValue;
    }
    if (p.compute != ComputeFloat32 || p.scale != Float32 || a.type != b.type || c.type != d.type) return BlasNotSupported;
    if (a.type == Float32 && d.type == BFloat16) return BlasNotSupported;
    if (p.bias_type != -1 && !is_type(p.bias_type)) return BlasNotSupported;
    switch (p.epilogue) {
        case EpilogueDefault:
        case EpilogueBias:
            return BlasSuccess;
        case EpilogueGeluAux:
        case EpilogueGeluAuxBias:
        case EpilogueGeluGradient:
            return a.type == BFloat16 && d.type == BFloat16 && p.aux_leading % 8 == 0 && p.aux_leading >= static_cast<int64_t>(m) ? BlasSuccess : BlasNotSupported;
        default:
            return BlasNotSupported;
    }
}

Matrix matrix_of(const void* data, const Layout& layout) { return {const_cast<void*>(data), layout.leading, layout.type == BFloat16}; }

Product product_of(const Description& p, float alpha, float beta, const Layout& a, const Layout& d) {
    Product product = {};
    product.m = static_cast<int64_t>(d.rows);
    product.n = static_cast<int64_t>(d.columns);
    product.k = static_cast<int64_t>(p.transpose_a ? a.rows : a.columns);
    product.transpose_a = p.transpose_a != 0;
    product.transpose_b = p.transpose_b != 0;
    product.alpha = alpha;
    product.beta = beta;
    if (p.epilogue == EpilogueBias || p.epilogue == EpilogueGeluAuxBias) {
        product.bias = {p.bias, 0, (p.bias_type == -1 ? d.type : p.bias_type) == BFloat16};
    }
    if (p.epilogue >= EpilogueGeluAux) {
        product.aux = {p.aux, 0, d.type == BFloat16};
        product.aux_leading = p.aux_leading;
        product.activation = p.epilogue == EpilogueGeluGradient ? Activation::gelu_slope : Activation::gelu;
    }
    return product;
}

// All that a product touches must lie inside allocations: the product itself runs outside of any kernel, where a fault would end
// the process.
std::string check_operands(const Product& p) {
    struct { const char* name; Matrix matrix; int64_t leading, rows, columns; } const operands[] = {
        {"A", p.a, p.a.leading, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k},
        {"B", p.b, p.b.leading, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n},
        {"C", p.beta != 0.0f ? p.c : Matrix(), p.c.leading, p.m, p.n},
        {"D", p.d, p.d.leading, p.m, p.n},
        {"the bias", p.bias, 0, p.m, 1},
        {"the auxiliary matrix", p.aux, p.aux_leading, p.m, p.n},
    };
    for (const auto& operand : operands) {
        if (operand.matrix.data == nullptr) continue;
        int64_t values = (operand.columns - 1) * operand.leading + operand.rows;
        std::string wrong = check_range(operand.matrix.data, static_cast<size_t>(values) * (operand.matrix.is_bf16 ? 2 : 4));
        if (!wrong.empty()) return std::string("cublasLtMatmul: ") + operand.name + ": " + wrong;
    }
    return "";
}

}  // namespace
}  // namespace ldae_emulator

using namespace ldae_emulator;

LDAE_EXPORT int cublasLtCreate(void** handle) {
    *handle = new int(0);
    return BlasSuccess;
}

LDAE_EXPORT int cublasLtDestroy(void* handle) {
    delete static_cast<int*>(handle);
    return BlasSuccess;
}

LDAE_EXPORT size_t cublasLtGetVersion() { return 120400; }

LDAE_EXPORT const char* cublasLtGetStatusString(int status) {
    switch (status) {
        case BlasSuccess: return "CUBLAS_STATUS_SUCCESS";
        case BlasInvalidValue: return "CUBLAS_STATUS_INVALID_VALUE";
        case BlasExecutionFailed: return "CUBLAS_STATUS_EXECUTION_FAILED";
        case BlasNotSupported: return "CUBLAS_STATUS_NOT_SUPPORTED";
        default: return "unknown CUBLAS status";
    }
}

LDAE_EXPORT int cublasLtMatmulDescCreate(void** result, int compute, int scale) {
    auto* description = new Description();
    description->compute = compute;
    description->scale = scale;
    *result = description;
    return BlasSuccess;
}

LDAE_EXPORT int cublasLtMatmulDescDestroy(void* description) {
    delete static_cast<Description*>(description);
    return BlasSuccess;
}

LDAE_EXPORT int cublasLtMatmulDescSetAttribute(void* handle, int attribute, const void* value, size_t bytes) {
    auto* p = static_cast<Description*>(handle);
    bool taken;
    switch (attribute) {
        case 3: taken = take(&p->transpose_a, value, bytes); break;
        case 4: taken = take(&p->transpose_b, value, bytes); break;
        case 7: taken = take(&p->epilogue, value, bytes); break;
        case 8: taken = take(&p->bias, value, bytes); break;
        case 11: taken = take(&p->aux, value, bytes); break;
        case 12: taken = take(&p->aux_leading, value, bytes); break;
        case 26: taken = take(&p->bias_type, value, bytes); break;
        default: return BlasNotSupported;
    }
    return taken ? BlasSuccess : BlasInvalidValue;
}

LDAE_EXPORT int cublasLtMatrixLayoutCreate(void** result, int type, uint64_t rows, uint64_t columns, int64_t leading) {
    *result = new Layout{type, rows, columns, leading};
    return BlasSuccess;
}

LDAE_EXPORT int cublasLtMatrixLayoutDestroy(void* layout) {
    delete static_cast<Layout*>(layout);
    return BlasSuccess;
}

LDAE_EXPORT int cublasLtMatmulPreferenceCreate(void** result) {
    *result = new Preference();
    return BlasSuccess;
}

LDAE_EXPORT int cublasLtMatmulPreferenceDestroy(void* preference) {
    delete static_cast<Preference*>(preference);
    return BlasSuccess;
}

LDAE_EXPORT int cublasLtMatmulPreferenceSetAttribute(void* handle, int attribute, const void* value, size_t bytes) {
    if (attribute == 1) return take(&static_cast<Preference*>(handle)->workspace, value, bytes) ? BlasSuccess : BlasInvalidValue;
    return BlasSuccess;  // search mode, alignments: nothing depends on them
}

LDAE_EXPORT int cublasLtMatmulAlgoGetHeuristic(void*, void* description, void* a, void* b, void* c, void* d, void*, int wanted,
                                               void* results, int* count) {
    *count = 0;
    int status = check(*static_cast<Description*>(description), *static_cast<Layout*>(a), *static_cast<Layout*>(b),
                       *static_cast<Layout*>(c), *static_cast<Layout*>(d));
    if (status != BlasSuccess) return status;
    if (wanted < 1) return BlasInvalidValue;
    Candidate candidate = {};
    candidate.algorithm.words[0] = TheAlgorithm;
    candidate.waves = 1.0f;
    memcpy(results, &candidate, sizeof candidate);
    *count = 1;
    return BlasSuccess;
}

LDAE_EXPORT int cublasLtMatmul(void*, void* description_handle, const float* alpha, const void* a, void* a_handle, const void* b, void* b_handle,
                               const float* beta, const void* c, void* c_handle, void* d, void* d_handle, const Algorithm* algorithm,
                               void* workspace, size_t workspace_bytes, void* stream) {
    const Description& description = *static_cast<Description*>(description_handle);
    const Layout &la = *static_cast<Layout*>(a_handle), &lb = *static_cast<Layout*>(b_handle), &lc = *static_cast<Layout*>(c_handle),
                 &ld = *static_cast<Layout*>(d_handle);
    int status = check(description, la, lb, lc, ld);
    if (status != BlasSuccess) return status;
    if (algorithm != nullptr && algorithm->words[0] != TheAlgorithm) return BlasInvalidValue;
    if (a == nullptr || b == nullptr || d == nullptr || (c == nullptr && *beta != 0.0f)) return BlasInvalidValue;
    if (workspace_bytes > 0 && (workspace == nullptr || reinterpret_cast<uintptr_t>(workspace) % 16 != 0)) return BlasInvalidValue;
    Product product = product_of(description, *alpha, *beta, la, ld);
    bool needs_bias = description.epilogue == EpilogueBias || description.epilogue == EpilogueGeluAuxBias;
    if ((needs_bias && product.bias.data == nullptr) || (product.activation != Activation::none && product.aux.data == nullptr)) return BlasInvalidValue;
    product.a = matrix_of(a, la);
    product.b = matrix_of(b, lb);
    product.c = matrix_of(c, lc);
    product.d = matrix_of(d, ld);
    std::string wrong = check_operands(product);
    if (!wrong.empty()) {
        report(InvalidValue, wrong);
        return BlasInvalidValue;
    }
    return submit(stream, [product] {
        run_product(product);
        return static_cast<int>(Success);
    });
}

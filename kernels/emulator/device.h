// The emulator's side of a kernel: its compiler puts this file in front of every .cu. It gives the CUDA names a kernel
// uses without a header (qualifiers, threadIdx and its like, vector types, intrinsics, the maths library) and the table
// of hooks through which common/portable.cuh calls the emulator.
//
// Not modelled, on purpose, so that using them fails to compile: static __shared__ arrays (take SHARED_MEMORY),
// __device__ variables, float atomics, warp operations on part of a warp.
#pragma once
#ifndef LDAE_EMULATED
#define LDAE_EMULATED 1
#endif

using size_t = decltype(sizeof(0));

// ---- vector types -----------------------------------------------------------------------------------------------
#define LDAE_VECTOR(T, name)                                                                                            \
    struct name##1 { T x; };                                                                                            \
    struct alignas(2 * sizeof(T)) name##2 { T x, y; };                                                                  \
    struct name##3 { T x, y, z; };                                                                                      \
    struct alignas(sizeof(T) > 4 ? 16 : 4 * sizeof(T)) name##4 { T x, y, z, w; };                                       \
    inline name##2 make_##name##2(T x, T y) { return {x, y}; }                                                          \
    inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                                                  \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
LDAE_VECTOR(signed char, char)
LDAE_VECTOR(unsigned char, uchar)
LDAE_VECTOR(short, short)
LDAE_VECTOR(unsigned short, ushort)
LDAE_VECTOR(int, int)
LDAE_VECTOR(unsigned, uint)
LDAE_VECTOR(long long, longlong)
LDAE_VECTOR(unsigned long long, ulonglong)
LDAE_VECTOR(float, float)
LDAE_VECTOR(double, double)
#undef LDAE_VECTOR
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// ---- the interface between a compiled kernel and the emulator ---------------------------------------------------
namespace ldae_emulator {

struct Site { const char* file; int line; };  // where a kernel called a hook

struct Block {  // what all threads of a block see
    uint3 index, dimensions, grid;
    void* shared;
};

struct Thread {  // what one thread sees; the fiber that runs it keeps its address in register r15
    uint3 index;
    int lane;
    const Block* block;
};

struct Hooks {
    void (*block_barrier)(Thread*, Site);
    void (*warp_barrier)(Thread*, Site);
    unsigned (*shuffle)(Thread*, unsigned value, int source_lane, Site);
    unsigned (*ballot)(Thread*, bool predicate, Site);
    void (*copy_async)(Thread*, void* shared, const void* global, int bytes, Site);
    void (*copy_async_commit)(Thread*);
    void (*copy_async_wait)(Thread*, int pending);
    void (*load_matrix)(Thread*, unsigned* registers, const void* shared_row, int count, bool transposed, Site);
    void (*mma_bf16)(Thread*, float* d, const unsigned* a, const unsigned* b, Site);
};

struct EntryPoint {  // one __global__ function of a module
    const char* name;
    void (*run)(void** parameters);  // called on a fiber, with r15 set
    int parameter_count;
    const size_t* parameter_sizes;
};

}  // namespace ldae_emulator

#ifndef LDAE_EMULATOR_LIBRARY  // everything below is for kernels only

register ldae_emulator::Thread* ldae_thread asm("r15");
static const ldae_emulator::Hooks* ldae_hooks;
extern "C" __attribute__((visibility("default"))) void ldae_set_hooks(const ldae_emulator::Hooks* hooks) {
    ldae_hooks = hooks;
}

// Unpacks the driver's array of parameter addresses by the types of a kernel's signature; the compiler names this for each
// entry point.
namespace ldae_emulator {
template <int... I> struct Indices {};
template <int N, int... I> struct MakeIndices : MakeIndices<N - 1, N - 1, I...> {};
template <int... I> struct MakeIndices<0, I...> { using type = Indices<I...>; };

template <auto kernel> struct Unpack;
template <typename... Parameters, void (*kernel)(Parameters...)> struct Unpack<kernel> {
    static constexpr int count = sizeof...(Parameters);
    static constexpr size_t sizes[count + 1] = {sizeof(Parameters)..., 0};
    template <int... I> static void call(void** parameters, Indices<I...>) {
        kernel(*static_cast<Parameters*>(parameters[I])...);
    }
    static void run(void** parameters) { call(parameters, typename MakeIndices<count>::type()); }
};
}  // namespace ldae_emulator
// ---- qualifiers and built-in variables --------------------------------------------------------------------------
#define __global__ __attribute__((noinline, noclone))
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define threadIdx (ldae_thread->index)
#define blockIdx (ldae_thread->block->index)
#define blockDim (ldae_thread->block->dimensions)
#define gridDim (ldae_thread->block->grid)
#define warpSize 32

// ---- the C maths library ----------------------------------------------------------------------------------------
extern "C" {
#define LDAE_MATHS_1(name) float name##f(float) noexcept; double name(double) noexcept;
#define LDAE_MATHS_2(name) float name##f(float, float) noexcept; double name(double, double) noexcept;
LDAE_MATHS_1(exp) LDAE_MATHS_1(exp2) LDAE_MATHS_1(expm1) LDAE_MATHS_1(log) LDAE_MATHS_1(log2) LDAE_MATHS_1(log10)
LDAE_MATHS_1(log1p) LDAE_MATHS_1(sqrt) LDAE_MATHS_1(cbrt) LDAE_MATHS_1(fabs) LDAE_MATHS_1(floor) LDAE_MATHS_1(ceil)
LDAE_MATHS_1(rint) LDAE_MATHS_1(round) LDAE_MATHS_1(trunc) LDAE_MATHS_1(tanh) LDAE_MATHS_1(sinh) LDAE_MATHS_1(cosh)
LDAE_MATHS_1(sin) LDAE_MATHS_1(cos) LDAE_MATHS_1(tan) LDAE_MATHS_1(atan) LDAE_MATHS_1(asin) LDAE_MATHS_1(acos)
LDAE_MATHS_1(erf) LDAE_MATHS_1(erfc)
LDAE_MATHS_2(pow) LDAE_MATHS_2(fmod) LDAE_MATHS_2(fmin) LDAE_MATHS_2(fmax) LDAE_MATHS_2(atan2) LDAE_MATHS_2(copysign)
LDAE_MATHS_2(hypot)
float fmaf(float, float, float) noexcept;
double fma(double, double, double) noexcept;
float ldexpf(float, int) noexcept;
double ldexp(double, int) noexcept;
int printf(const char*, ...);
#undef LDAE_MATHS_1
#undef LDAE_MATHS_2
}
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
// Exact at multiples of a half: the argument is reduced before it is multiplied by pi.
inline void sincospi(double x, double* s, double* c) {
    double quadrant = rint(2.0 * x), angle = (x - 0.5 * quadrant) * 3.14159265358979323846;
    double sine = sin(angle), cosine = cos(angle);
    switch (static_cast<long long>(quadrant - 4.0 * floor(quadrant / 4.0))) {
        case 0: *s = sine; *c = cosine; break;
        case 1: *s = cosine; *c = -sine; break;
        case 2: *s = -sine; *c = -cosine; break;
        default: *s = -cosine; *c = sine; break;
    }
}
inline void sincospif(float x, float* s, float* c) {
    double sine, cosine;
    sincospi(x, &sine, &cosine);
    *s = static_cast<float>(sine);
    *c = static_cast<float>(cosine);
}
inline void sincosf(float x, float* s, float* c) { *s = sinf(x); *c = cosf(x); }
inline float sinpif(float x) { float s, c; sincospif(x, &s, &c); return s; }
inline float cospif(float x) { float s, c; sincospif(x, &s, &c); return c; }
template <typename T> inline bool isnan(T x) { return __builtin_isnan(x); }
template <typename T> inline bool isinf(T x) { return __builtin_isinf(x); }
template <typename T> inline bool isfinite(T x) { return __builtin_isfinite(x); }
template <typename A, typename B> inline auto min(A a, B b) -> decltype(a + b) { return b < a ? b : a; }
template <typename A, typename B> inline auto max(A a, B b) -> decltype(a + b) { return a < b ? b : a; }
inline int abs(int x) { return x < 0 ? -x : x; }

// ---- intrinsics -------------------------------------------------------------------------------------------------
template <typename To, typename From> inline To ldae_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "a bit cast keeps the size");
    To to;
    __builtin_memcpy(&to, &from, sizeof to);
    return to;
}
inline unsigned __float_as_uint(float x) { return ldae_bits<unsigned>(x); }
inline int __float_as_int(float x) { return ldae_bits<int>(x); }
inline float __uint_as_float(unsigned x) { return ldae_bits<float>(x); }
inline float __int_as_float(int x) { return ldae_bits<float>(x); }
inline long long __double_as_longlong(double x) { return ldae_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return ldae_bits<double>(x); }
inline unsigned __umulhi(unsigned a, unsigned b) {
    return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32);
}
inline int __mulhi(int a, int b) { return static_cast<int>(static_cast<long long>(a) * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
// The _rn forms are never contracted to a fused multiply-add; the empty asm hides the product from the compiler.
inline float __fmul_rn(float a, float b) { float product = a * b; asm("" : "+x"(product)); return product; }
inline float __fadd_rn(float a, float b) { asm("" : "+x"(a)); return a + b; }
inline float __fsub_rn(float a, float b) { asm("" : "+x"(a)); return a - b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return exp2f(3.32192809488736f * x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
inline int __float2int_rn(float x) { return static_cast<int>(rintf(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }
inline int __float2int_rd(float x) { return static_cast<int>(floorf(x)); }
inline int __float2int_ru(float x) { return static_cast<int>(ceilf(x)); }
inline unsigned __float2uint_rn(float x) { return static_cast<unsigned>(rintf(x)); }
inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline float __uint2float_rn(unsigned x) { return static_cast<float>(x); }
// Loads and stores with a cache hint are plain ones here.
template <typename T> inline T __ldg(const T* address) { return *address; }
template <typename T> inline T __ldcs(const T* address) { return *address; }
template <typename T> inline T __ldcg(const T* address) { return *address; }
template <typename T> inline void __stcs(T* address, T value) { *address = value; }
template <typename T> inline void __stcg(T* address, T value) { *address = value; }
template <typename T> inline void __stwt(T* address, T value) { *address = value; }
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
// Atomics exist for integers only: a float atomic would make results depend on the order of threads.
template <typename T> inline T atomicAdd(T* address, T value) {
    static_assert(static_cast<T>(1) / 2 == 0, "no float atomics");
    return __atomic_fetch_add(address, value, __ATOMIC_SEQ_CST);
}
inline unsigned atomicExch(unsigned* address, unsigned value) {
    return __atomic_exchange_n(address, value, __ATOMIC_SEQ_CST);
}
inline unsigned atomicOr(unsigned* address, unsigned value) {
    return __atomic_fetch_or(address, value, __ATOMIC_SEQ_CST);
}
inline unsigned atomicMax(unsigned* address, unsigned value) {
    unsigned old = __atomic_load_n(address, __ATOMIC_SEQ_CST);
    while (old < value && !__atomic_compare_exchange_n(address, &old, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}
    return old;
}

#endif  // LDAE_EMULATOR_LIBRARY

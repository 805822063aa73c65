// Everything in a kernel that names the hardware goes through this file, so that the same .cu compiles in three worlds:
// NVRTC for a GPU (inline PTX, sm_80 and later), NVRTC without a GPU (the compile gate), and g++ for the emulator
// (LDAE_EMULATED, kernels/emulator). Each wrapper holds both bodies next to each other: what the GPU executes, and the
// call into the emulator that gives the same meaning to the fibers that stand for its threads.
//
// Conventions: thread 0..31 of a warp are its lanes; warps are cut from threadIdx in x, then y, then z order. All warp
// operations here take the whole warp: every lane that has not returned must reach them.
#pragma once

// In the emulator a waiting thread remembers the line it waits at, so that a barrier that not all threads reach is reported
// with file and line. On the GPU the parameter does not exist.
#ifdef LDAE_EMULATED
#define LDAE_SITE const char *site_file = __builtin_FILE(), int site_line = __builtin_LINE()
#define LDAE_AND_SITE , LDAE_SITE
#define LDAE_HERE ldae_emulator::Site { site_file, site_line }
#else
#define LDAE_SITE
#define LDAE_AND_SITE
#endif

#ifndef LDAE_BF16
#define LDAE_BF16 0
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Shared memory
// ---------------------------------------------------------------------------------------------------------------------

// Declares `unsigned char* name`: the dynamic shared memory of the launch, 128-byte aligned (in the emulator, as far as
// its size is a multiple of 128: it ends exactly at a guard page). Kernels carve it by hand.
#ifdef LDAE_EMULATED
#define SHARED_MEMORY(name) unsigned char *name = static_cast<unsigned char *>(ldae_thread->block->shared)
#else
#define SHARED_MEMORY(name)                                                                                             \
    extern __shared__ __align__(128) unsigned char ldae_shared_memory[];                                                \
    unsigned char *name = ldae_shared_memory
#endif

// ---------------------------------------------------------------------------------------------------------------------
// Barriers, shuffles, votes
// ---------------------------------------------------------------------------------------------------------------------

// Waits for all threads of the block; their writes to shared and global memory are then visible to each other.
__device__ __forceinline__ void block_barrier(LDAE_SITE) {
#ifdef LDAE_EMULATED
    ldae_hooks->block_barrier(ldae_thread, LDAE_HERE);
#else
    __syncthreads();
#endif
}

// Waits for all lanes of the warp; orders their memory accesses among each other.
__device__ __forceinline__ void warp_barrier(LDAE_SITE) {
#ifdef LDAE_EMULATED
    ldae_hooks->warp_barrier(ldae_thread, LDAE_HERE);
#else
    __syncwarp();
#endif
}

__device__ __forceinline__ unsigned float_bits(float value) { return __float_as_uint(value); }
__device__ __forceinline__ float bits_float(unsigned bits) { return __uint_as_float(bits); }

// The value that lane `lane` (0..31) gave.
__device__ __forceinline__ unsigned shuffle(unsigned value, int lane LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    return ldae_hooks->shuffle(ldae_thread, value, lane & 31, LDAE_HERE);
#else
    return __shfl_sync(0xffffffffu, value, lane);
#endif
}

// The value that lane `own lane ^ mask` gave.
__device__ __forceinline__ unsigned shuffle_xor(unsigned value, int mask LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    return ldae_hooks->shuffle(ldae_thread, value, (ldae_thread->lane ^ mask) & 31, LDAE_HERE);
#else
    return __shfl_xor_sync(0xffffffffu, value, mask);
#endif
}

// The value that lane `own lane + distance` gave; past the end of the warp, the lane's own.
__device__ __forceinline__ unsigned shuffle_down(unsigned value, int distance LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    int source = ldae_thread->lane + distance;
    return ldae_hooks->shuffle(ldae_thread, value, source > 31 ? ldae_thread->lane : source, LDAE_HERE);
#else
    return __shfl_down_sync(0xffffffffu, value, distance);
#endif
}

#ifdef LDAE_EMULATED
#define LDAE_PASS_SITE , site_file, site_line
#else
#define LDAE_PASS_SITE
#endif
__device__ __forceinline__ int shuffle(int value, int lane LDAE_AND_SITE) {
    return static_cast<int>(shuffle(static_cast<unsigned>(value), lane LDAE_PASS_SITE));
}
__device__ __forceinline__ float shuffle(float value, int lane LDAE_AND_SITE) {
    return bits_float(shuffle(float_bits(value), lane LDAE_PASS_SITE));
}
__device__ __forceinline__ int shuffle_xor(int value, int mask LDAE_AND_SITE) {
    return static_cast<int>(shuffle_xor(static_cast<unsigned>(value), mask LDAE_PASS_SITE));
}
__device__ __forceinline__ float shuffle_xor(float value, int mask LDAE_AND_SITE) {
    return bits_float(shuffle_xor(float_bits(value), mask LDAE_PASS_SITE));
}
__device__ __forceinline__ int shuffle_down(int value, int distance LDAE_AND_SITE) {
    return static_cast<int>(shuffle_down(static_cast<unsigned>(value), distance LDAE_PASS_SITE));
}
__device__ __forceinline__ float shuffle_down(float value, int distance LDAE_AND_SITE) {
    return bits_float(shuffle_down(float_bits(value), distance LDAE_PASS_SITE));
}

// One bit a lane, lane 0 lowest: set where the lane's predicate holds.
__device__ __forceinline__ unsigned warp_ballot(bool predicate LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    return ldae_hooks->ballot(ldae_thread, predicate, LDAE_HERE);
#else
    return __ballot_sync(0xffffffffu, predicate);
#endif
}
__device__ __forceinline__ bool warp_any(bool predicate LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    return ldae_hooks->ballot(ldae_thread, predicate, LDAE_HERE) != 0;
#else
    return __any_sync(0xffffffffu, predicate);
#endif
}
__device__ __forceinline__ bool warp_all(bool predicate LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    return ldae_hooks->ballot(ldae_thread, !predicate, LDAE_HERE) == 0;
#else
    return __all_sync(0xffffffffu, predicate);
#endif
}

// ---------------------------------------------------------------------------------------------------------------------
// bf16: the upper half of a float32
// ---------------------------------------------------------------------------------------------------------------------

struct bf16 {
    unsigned short bits;
};

#if LDAE_BF16
using real = bf16;  // the type activations are stored in
#else
using real = float;
#endif

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(bf16 value) { return __uint_as_float(static_cast<unsigned>(value.bits) << 16); }

// Rounds to nearest, ties to even; a NaN becomes the NaN 0x7fff, as cvt.rn does.
__device__ __forceinline__ bf16 to_bf16(float value) {
    bf16 result;
#ifdef LDAE_EMULATED
    unsigned bits = __float_as_uint(value);
    result.bits = value != value ? 0x7fffu : static_cast<unsigned short>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
#else
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
#endif
    return result;
}

// Two bf16 in one register: `low` in bits 0..15 (the lower address), `high` in bits 16..31.
__device__ __forceinline__ unsigned pack_bf16(float low, float high) {
#ifdef LDAE_EMULATED
    return static_cast<unsigned>(to_bf16(low).bits) | static_cast<unsigned>(to_bf16(high).bits) << 16;
#else
    unsigned result;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
    return result;
#endif
}
__device__ __forceinline__ float unpack_bf16_low(unsigned pair) { return __uint_as_float(pair << 16); }
__device__ __forceinline__ float unpack_bf16_high(unsigned pair) { return __uint_as_float(pair & 0xffff0000u); }

__device__ __forceinline__ real from_float(float value) {
#if LDAE_BF16
    return to_bf16(value);
#else
    return value;
#endif
}

// ---------------------------------------------------------------------------------------------------------------------
// Asynchronous copies, global to shared (cp.async, sm_80)
// ---------------------------------------------------------------------------------------------------------------------

// Starts a copy of 16 bytes past the registers and past L1. Both addresses 16-byte aligned. The bytes are there after
// the copy_async_wait that covers them (for this thread; for others after a barrier besides). In the emulator they land
// only in that wait, and until then the destination holds NaN.
__device__ __forceinline__ void copy_async_16(void *shared, const void *global LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    ldae_hooks->copy_async(ldae_thread, shared, global, 16, LDAE_HERE);
#else
    unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(global) : "memory");
#endif
}

// The same for ragged edges: reads only the first `bytes` (0..16) and fills the rest of the 16 with zeros.
__device__ __forceinline__ void copy_async_16(void *shared, const void *global, int bytes LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    ldae_hooks->copy_async(ldae_thread, shared, global, bytes, LDAE_HERE);
#else
    unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global), "r"(bytes) : "memory");
#endif
}

// Closes the group of copies this thread has started since the last commit.
__device__ __forceinline__ void copy_async_commit() {
#ifdef LDAE_EMULATED
    ldae_hooks->copy_async_commit(ldae_thread);
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most `pending` of this thread's latest groups are still on their way.
template <int pending> __device__ __forceinline__ void copy_async_wait() {
#ifdef LDAE_EMULATED
    ldae_hooks->copy_async_wait(ldae_thread, pending);
#else
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

// ---------------------------------------------------------------------------------------------------------------------
// Streaming accesses: 16 bytes of global memory that are not read again soon (evicted from the caches first)
// ---------------------------------------------------------------------------------------------------------------------

__device__ __forceinline__ void load_streaming_16(const void *global, unsigned (&r)[4]) {
#ifdef LDAE_EMULATED
    const uint4 value = *static_cast<const uint4 *>(global);
    r[0] = value.x, r[1] = value.y, r[2] = value.z, r[3] = value.w;
#else
    asm volatile("ld.global.cs.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "l"(global)
                 : "memory");
#endif
}
__device__ __forceinline__ void store_streaming_16(void *global, unsigned a, unsigned b, unsigned c, unsigned d) {
#ifdef LDAE_EMULATED
    *static_cast<uint4 *>(global) = uint4{a, b, c, d};
#else
    asm volatile("st.global.cs.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(global), "r"(a), "r"(b), "r"(c), "r"(d) : "memory");
#endif
}

// ---------------------------------------------------------------------------------------------------------------------
// Tensor cores: ldmatrix and mma.sync (sm_80)
// ---------------------------------------------------------------------------------------------------------------------

// ldmatrix: the warp reads 8x8 matrices of 16-bit elements. Lane 8 m + r gives the address of row r of matrix m (16
// bytes, 16-byte aligned); of x2 the addresses of lanes 16..31 are not used. Register m of lane l then holds elements
// (l / 4, 2 (l % 4)) and the one right of it, of matrix m; transposed: of its transpose.
#ifndef LDAE_EMULATED
#define LDAE_ADDRESS_OF(pointer) "r"(static_cast<unsigned>(__cvta_generic_to_shared(pointer)))
#endif

__device__ __forceinline__ void load_matrix_x4(unsigned (&registers)[4], const void *shared_row LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    ldae_hooks->load_matrix(ldae_thread, registers, shared_row, 4, false, LDAE_HERE);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : LDAE_ADDRESS_OF(shared_row)
                 : "memory");
#endif
}
__device__ __forceinline__ void load_matrix_x4_transposed(unsigned (&registers)[4],
                                                          const void *shared_row LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    ldae_hooks->load_matrix(ldae_thread, registers, shared_row, 4, true, LDAE_HERE);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : LDAE_ADDRESS_OF(shared_row)
                 : "memory");
#endif
}
__device__ __forceinline__ void load_matrix_x2(unsigned (&registers)[2], const void *shared_row LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    ldae_hooks->load_matrix(ldae_thread, registers, shared_row, 2, false, LDAE_HERE);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : LDAE_ADDRESS_OF(shared_row)
                 : "memory");
#endif
}
__device__ __forceinline__ void load_matrix_x2_transposed(unsigned (&registers)[2],
                                                          const void *shared_row LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    ldae_hooks->load_matrix(ldae_thread, registers, shared_row, 2, true, LDAE_HERE);
#else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : LDAE_ADDRESS_OF(shared_row)
                 : "memory");
#endif
}

// mma.sync m16n8k16: D (16x8, float) += A (16x16, bf16, row-major) B (16x8, bf16, column-major). With group g = lane / 4
// and t = lane % 4, lane holds, two k-neighbours a register:
//   a[0]: A(g, 2t..)   a[1]: A(g+8, 2t..)   a[2]: A(g, 2t+8..)   a[3]: A(g+8, 2t+8..)
//   b[0]: B(2t.., g)   b[1]: B(2t+8.., g)   d[0], d[1]: D(g, 2t..)   d[2], d[3]: D(g+8, 2t..)
__device__ __forceinline__ void mma_bf16_16x8x16(float (&d)[4], const unsigned (&a)[4],
                                                 const unsigned (&b)[2] LDAE_AND_SITE) {
#ifdef LDAE_EMULATED
    ldae_hooks->mma_bf16(ldae_thread, d, a, b, LDAE_HERE);
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// ---------------------------------------------------------------------------------------------------------------------
// Arithmetic
// ---------------------------------------------------------------------------------------------------------------------

// 2^x by the special function unit: 2 ulp, subnormal results flushed to zero; exp(x) = exp2_fast(x * log2(e)).
__device__ __forceinline__ float exp2_fast(float x) {
#ifdef LDAE_EMULATED
    return exp2f(x);
#else
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
#endif
}

// The hyperbolic tangent to about 1 ulp (not the tanh.approx instruction, which gives 11 bits).
__device__ __forceinline__ float tanh_accurate(float x) { return tanhf(x); }

__device__ __forceinline__ float infinity() { return __uint_as_float(0x7f800000u); }

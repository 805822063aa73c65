// GELU in the tanh form (Hendrycks and Gimpel 2016) and in the exact one, their derivatives, and SiLU.
//
//     gelu(x) = x/2 (1 + tanh u),  u = sqrt(2/pi) (x + 0.044715 x^3)
//
// With (1 + tanh u) / 2 = sigmoid(2u) this is x sigmoid(2u): one exponential, one division, and no cancellation where tanh u
// comes near -1.
#pragma once
#include "common/portable.cuh"

constexpr float GELU_SLOPE = 0.7978845608028654f, GELU_CUBE = 0.044715f;

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

__device__ __forceinline__ float gelu(float x)
{
    return x * sigmoid(2.0f * GELU_SLOPE * (x + GELU_CUBE * x * x * x));
}

// With s = sigmoid(2u): s + x s (1 - s) 2u'.
__device__ __forceinline__ float gelu_gradient(float x)
{
    const float s = sigmoid(2.0f * GELU_SLOPE * (x + GELU_CUBE * x * x * x));
    return s + x * s * (1.0f - s) * 2.0f * GELU_SLOPE * (1.0f + 3.0f * GELU_CUBE * x * x);
}

// The normal distribution's cumulative function, Phi(x) = erfc(-x / sqrt 2) / 2: erfc keeps its digits on the negative side, where
// 1 + erf would cancel.
__device__ __forceinline__ float normal_cumulative(float x) { return 0.5f * erfcf(-0.70710678118654752f * x); }

__device__ __forceinline__ float gelu_erf(float x) { return x * normal_cumulative(x); }

// Phi(x) + x phi(x), phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
__device__ __forceinline__ float gelu_erf_gradient(float x)
{
    return normal_cumulative(x) + x * 0.39894228040143268f * expf(-0.5f * x * x);
}

__device__ __forceinline__ float silu(float x) { return x * sigmoid(x); }

__device__ __forceinline__ float silu_gradient(float x)
{
    const float s = sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

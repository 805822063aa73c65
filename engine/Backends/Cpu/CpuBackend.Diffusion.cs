using System.Numerics;
using System.Runtime.Intrinsics;
using LDaeCore.Engine.Backends.Cpu.Gemm;
using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>Patches, latent noise and time.</content>
public sealed unsafe partial class CpuBackend
{
    /// <summary>Components up to which a patch is projected by itself, on its way through the cache; more are projected by matrix products over many patches.</summary>
    private const int MostFusedComponents = 32;

    // Patches of a product: their latents and one panel of the basis stay in the second-level cache.
    private const int WideRows = 1024;

    void IKernels.TimestepEmbedding(Tensor t, Tensor y)
    {
        // In double: the angle of t = 1000 in float32 would leave 6e-5 of error in its sine.
        var half = y.Shape.Columns / 2;
        float* steps = F32(t), to = F32(y);
        for (var b = 0; b < y.Shape.Rows; b++)
        {
            for (var i = 0; i < half; i++)
            {
                var (sin, cos) = Math.SinCos(steps[b] * Math.Pow(10000, -(double)i / half));
                to[((long)b * 2 * half) + i] = (float)cos;
                to[((long)b * 2 * half) + half + i] = (float)sin;
            }
        }
    }

    void IKernels.Patchify(Tensor images, int patch, Tensor range, Tensor patches)
    {
        if (images.DType == DType.U8)
        {
            Patchify((byte*)images.Address, images.Shape, patch, range, patches);
        }
        else
        {
            Patchify(F32(images), images.Shape, patch, range, patches);
        }
    }

    private void Patchify<TPixel>(TPixel* pixels, Shape shape, int patch, Tensor range, Tensor patches)
        where TPixel : unmanaged, INumberBase<TPixel>
    {
        int height = shape[1], width = shape[2], across = width / patch, rowValues = patch * 3;
        float* to = F32(patches), r = F32(range);
        _pool.Run(shape[0], (image, _) =>
        {
            // The three channels' factors and offsets repeat along a row of pixels.
            var factors = stackalloc float[3] { r[0], r[1], r[2] };
            var offsets = stackalloc float[3] { r[3], r[4], r[5] };
            var at = to + ((long)image * height * width * 3);
            for (var token = 0; token < height / patch * across; token++)
            {
                int top = token / across * patch, left = token % across * patch;
                for (var y = 0; y < patch; y++)
                {
                    var from = pixels + (((((long)image * height) + top + y) * width) + left) * 3;
                    for (var i = 0; i < rowValues; i += 3)
                    {
                        at[i] = (float.CreateTruncating(from[i]) * factors[0]) + offsets[0];
                        at[i + 1] = (float.CreateTruncating(from[i + 1]) * factors[1]) + offsets[1];
                        at[i + 2] = (float.CreateTruncating(from[i + 2]) * factors[2]) + offsets[2];
                    }

                    at += rowValues;
                }
            }
        });
    }

    void IKernels.LatentNoise(in LatentNoiseArgs args)
    {
        switch (args.Basis)
        {
            case null:
                IdentityNoise(args);
                break;
            case { } basis when basis.Shape.Rows > MostFusedComponents:
                WideNoise(args, basis);
                break;
            case { } basis:
                FusedNoise(args, basis);
                break;
        }
    }

    private void FusedNoise(in LatentNoiseArgs args, Tensor components)
    {
        var a = args;
        int tokens = a.Clean.Shape[1], pixels = a.Clean.Shape[2], kept = a.Dim;
        float* clean = F32(a.Clean), mean = F32(a.Mean), basis = F32(components), std = F32(a.LatentStd), gamma = F32(a.Gamma), sigma = F32(a.Sigma);
        float* noisy = F32OrNull(a.Noisy), latents = F32OrNull(a.Latents);
        ReserveThreadScratch(pixels + kept);
        _pool.Run(a.Clean.Shape[0], (image, worker) =>
        {
            float* centered = ThreadScratch(worker), z = centered + pixels;
            for (var token = 0; token < tokens; token++)
            {
                var patch = ((long)image * tokens) + token;
                TensorPrimitives.Subtract(
                    new Span<float>(clean + (patch * pixels), pixels), new Span<float>(mean, pixels), new Span<float>(centered, pixels));

                for (var k = 0; k < kept; k++)
                {
                    z[k] = gamma[image] * Lanes.Dot(basis + ((long)k * pixels), centered, pixels) / std[k];
                }

                AddNoise(z, kept, sigma[image], a.Seed, a.Step, ((a.FirstImage * tokens) + patch) * kept);
                if (latents is not null)
                {
                    new Span<float>(z, kept).CopyTo(new Span<float>(latents + (patch * kept), kept));
                }

                if (noisy is not null)
                {
                    var to = noisy + (patch * pixels);
                    new Span<float>(mean, pixels).CopyTo(new Span<float>(to, pixels));
                    for (var k = 0; k < kept; k++)
                    {
                        Lanes.AddScaled(std[k] * z[k], basis + ((long)k * pixels), to, pixels);
                    }
                }
            }
        });
    }

    /// <summary>
    /// The projections as two matrix products over many patches: z = clean V^T - mean V^T and noisy = (s z) V + mean. A patch's normals are drawn
    /// together.
    /// </summary>
    private void WideNoise(in LatentNoiseArgs args, Tensor components)
    {
        var a = args;
        int tokens = a.Clean.Shape[1], pixels = a.Clean.Shape[2], kept = a.Dim, patches = a.Clean.Shape.Rows, most = Math.Min(patches, WideRows);
        float* clean = F32(a.Clean), mean = F32(a.Mean), basis = F32(components), std = F32(a.LatentStd), gamma = F32(a.Gamma), sigma = F32(a.Sigma);
        float* noisy = F32OrNull(a.Noisy), latents = F32OrNull(a.Latents), z = SharedScratch(((long)most + 1) * kept), offset = z + ((long)most * kept);
        ReserveThreadScratch(kept);
        for (var k = 0; k < kept; k++)
        {
            offset[k] = -Lanes.Dot(basis + ((long)k * pixels), mean, pixels);
        }

        for (var first = 0; first < patches; first += most)
        {
            var (start, count) = (first, Math.Min(most, patches - first));
            var rows = new GemmCall { M = count, N = kept, K = pixels, A = clean + ((long)first * pixels), B = basis, C = z, TransposeB = true, Bias = offset };
            _gemm.Run(rows);
            _pool.Run(count, (row, worker) =>
            {
                var normals = ThreadScratch(worker);
                long patch = start + row, image = patch / tokens;
                NormalBlocks.Fill(a.Seed, RandomStream.Noise, a.Step, ((a.FirstImage * tokens) + patch) * kept, normals, kept);
                ScaleAndNoise(z + ((long)row * kept), normals, std, latents is null ? null : latents + (patch * kept), kept, gamma[image], sigma[image]);
            });
            if (noisy is not null)
            {
                _gemm.Run(new GemmCall { M = count, N = pixels, K = kept, A = z, B = basis, C = noisy + ((long)first * pixels), Bias = mean });
            }
        }
    }

    /// <summary>latents = gamma z / s + sigma n; z becomes s times that.</summary>
    private static void ScaleAndNoise(float* z, float* normals, float* std, float* latents, int count, float gamma, float sigma)
    {
        Vector256<float> g = Vector256.Create(gamma), v = Vector256.Create(sigma);
        for (var i = 0; i < count; i += Lanes.Count)
        {
            var left = count - i;
            var s = Lanes.Load(std + i, left);
            var noised = (g * Lanes.Load(z + i, left) / s) + (v * Lanes.Load(normals + i, left));
            Lanes.Store(s * noised, z + i, left);
            if (latents is not null)
            {
                Lanes.Store(noised, latents + i, left);
            }
        }
    }

    /// <summary>Noise on every value by itself; the normals of some patches are drawn together.</summary>
    private void IdentityNoise(in LatentNoiseArgs args)
    {
        const int together = 1024;
        var a = args;
        int tokens = a.Clean.Shape[1], columns = a.Clean.Shape[2], rows = Math.Clamp(together / columns, 1, tokens);
        float* clean = F32(a.Clean), mean = F32(a.Mean), std = F32(a.LatentStd), gamma = F32(a.Gamma), sigma = F32(a.Sigma);
        float* noisy = F32OrNull(a.Noisy), latents = F32OrNull(a.Latents);
        ReserveThreadScratch(rows * columns);
        _pool.Run(a.Clean.Shape[0], (image, worker) =>
        {
            var normals = ThreadScratch(worker);
            Vector256<float> g = Vector256.Create(gamma[image]), v = Vector256.Create(sigma[image]);
            for (var token = 0; token < tokens; token += rows)
            {
                var (patch, count) = (((long)image * tokens) + token, Math.Min(rows, tokens - token));
                NormalBlocks.Fill(a.Seed, RandomStream.Noise, a.Step, ((a.FirstImage * tokens) + patch) * columns, normals, count * columns);
                for (var row = 0; row < count; row++)
                {
                    var at = (patch + row) * columns;
                    for (var i = 0; i < columns; i += Lanes.Count)
                    {
                        var left = columns - i;
                        Vector256<float> m = Lanes.Load(mean + i, left), s = Lanes.Load(std + i, left);
                        var z = (g * (Lanes.Load(clean + at + i, left) - m) / s) + (v * Lanes.Load(normals + (row * columns) + i, left));
                        if (latents is not null)
                        {
                            Lanes.Store(z, latents + at + i, left);
                        }

                        if (noisy is not null)
                        {
                            Lanes.Store(m + (s * z), noisy + at + i, left);
                        }
                    }
                }
            }
        });
    }

    /// <summary>Adds sigma n for the elements first..first+count-1 of stream Noise; four elements share a Philox block.</summary>
    private static void AddNoise(float* z, int count, float sigma, ulong seed, uint step, long first)
    {
        var normals = stackalloc float[4];
        var block = -1L;
        for (var k = 0; k < count; k++)
        {
            var element = first + k;
            if (element / 4 != block)
            {
                block = element / 4;
                var (x, y, u, v) = Philox.Block(seed, RandomStream.Noise, step, (ulong)block);
                (normals[0], normals[1]) = Philox.Normals<float>(x, y);
                (normals[2], normals[3]) = Philox.Normals<float>(u, v);
            }

            z[k] += sigma * normals[element % 4];
        }
    }
}

using System.Numerics;
using System.Runtime.Intrinsics;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <content>Patches, latent noise and time.</content>
public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void TimestepEmbedding(Tensor t, Tensor y)
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

    /// <inheritdoc/>
    public void Patchify(Tensor images, int patch, Tensor range, Tensor patches)
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

    /// <inheritdoc/>
    public void LatentNoise(in LatentNoiseArgs args)
    {
        if (args.Basis is null)
        {
            PixelNoise(args);
            return;
        }

        var a = args;
        int tokens = a.Clean.Shape[1], pixels = a.Clean.Shape[2], kept = a.Basis.Shape.Rows;
        float* clean = F32(a.Clean), mean = F32(a.Mean), basis = F32(a.Basis), std = F32(a.LatentStd), gamma = F32(a.Gamma), sigma = F32(a.Sigma);
        float* noisy = F32OrNull(a.Noisy), latents = F32OrNull(a.Latents);
        ReserveThreadScratch(pixels + kept);
        _pool.Run(a.Clean.Shape[0], (image, worker) =>
        {
            float* centered = ThreadScratch(worker), z = centered + pixels;
            for (var token = 0; token < tokens; token++)
            {
                var patch = ((long)image * tokens) + token;
                for (var i = 0; i < pixels; i += Lanes.Count)
                {
                    var left = pixels - i;
                    Lanes.Store(Lanes.Load(clean + (patch * pixels) + i, left) - Lanes.Load(mean + i, left), centered + i, left);
                }

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

    /// <summary>The same where the basis is the identity: z = gamma (p - mean) / s + sigma n, and mean + s z.</summary>
    private void PixelNoise(in LatentNoiseArgs args)
    {
        var a = args;
        int tokens = a.Clean.Shape[1], pixels = a.Clean.Shape[2];
        float* clean = F32(a.Clean), mean = F32(a.Mean), std = F32(a.LatentStd), gamma = F32(a.Gamma), sigma = F32(a.Sigma);
        float* noisy = F32OrNull(a.Noisy), latents = F32OrNull(a.Latents);
        ReserveThreadScratch(pixels);
        _pool.Run(a.Clean.Shape.Rows, (row, worker) =>
        {
            var (image, at) = (row / tokens, (long)row * pixels);
            var z = ThreadScratch(worker);
            var signal = Vector256.Create(gamma[image]);
            for (var i = 0; i < pixels; i += Lanes.Count)
            {
                var left = pixels - i;
                var centered = Lanes.Load(clean + at + i, left) - Lanes.Load(mean + i, left);
                Lanes.Store(signal * centered / Lanes.Load(std + i, left), z + i, left);
            }

            AddNoise(z, pixels, sigma[image], a.Seed, a.Step, ((a.FirstImage * tokens) + row) * pixels);
            if (latents is not null)
            {
                new Span<float>(z, pixels).CopyTo(new Span<float>(latents + at, pixels));
            }

            for (var i = 0; noisy is not null && i < pixels; i += Lanes.Count)
            {
                var left = pixels - i;
                Lanes.Store(Lanes.Load(mean + i, left) + (Lanes.Load(std + i, left) * Lanes.Load(z + i, left)), noisy + at + i, left);
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

using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Reference;

/// <content>Patches, latent noise and time.</content>
public sealed partial class ReferenceBackend
{
    void IKernels.TimestepEmbedding(Tensor t, Tensor y)
    {
        var half = y.Shape.Columns / 2;
        for (var b = 0; b < y.Shape.Rows; b++)
        {
            for (var i = 0; i < half; i++)
            {
                var angle = F64(t)[b] * Math.Pow(10000, -(double)i / half);
                F64(y)[(b * 2 * half) + i] = Math.Cos(angle);
                F64(y)[(b * 2 * half) + half + i] = Math.Sin(angle);
            }
        }
    }

    void IKernels.Patchify(Tensor images, int patch, Tensor range, Tensor patches)
    {
        Span<byte> bytes = images.DType == DType.U8 ? HostMemory.Span<byte>(images) : [];
        Span<double> values = images.DType == DType.U8 ? [] : F64(images);
        int height = images.Shape[1], width = images.Shape[2], across = width / patch;
        var at = 0;
        for (var b = 0; b < images.Shape[0]; b++)
        {
            for (var token = 0; token < height / patch * across; token++)
            {
                int top = token / across * patch, left = token % across * patch;
                for (var y = 0; y < patch; y++)
                {
                    for (var x = 0; x < patch; x++)
                    {
                        for (var c = 0; c < 3; c++)
                        {
                            var place = (((((b * height) + top + y) * width) + left + x) * 3) + c;
                            var value = bytes.IsEmpty ? values[place] : bytes[place];
                            F64(patches)[at++] = (value * F64(range)[c]) + F64(range)[3 + c];
                        }
                    }
                }
            }
        }
    }

    void IKernels.LatentNoise(in LatentNoiseArgs args)
    {
        int tokens = args.Clean.Shape[1], pixels = args.Clean.Shape[2], kept = args.Dim;
        Span<double> mean = F64(args.Mean), basis = args.Basis is { } v ? F64(v) : [], std = F64(args.LatentStd);
        var z = new double[kept];
        for (var patch = 0; patch < args.Clean.Shape.Rows; patch++)
        {
            var image = patch / tokens;
            var clean = F64(args.Clean).Slice(patch * pixels, pixels);
            for (var k = 0; k < kept; k++)
            {
                var projection = basis.IsEmpty ? clean[k] - mean[k] : 0.0;
                for (var i = 0; !basis.IsEmpty && i < pixels; i++)
                {
                    projection += basis[(k * pixels) + i] * (clean[i] - mean[i]);
                }

                var element = (((args.FirstImage * tokens) + patch) * kept) + k;
                z[k] = (F64(args.Gamma)[image] * projection / std[k]) + (F64(args.Sigma)[image] * Normal(args.Seed, args.Step, element));
            }

            if (args.Latents is { } latents)
            {
                z.CopyTo(F64(latents)[(patch * kept)..]);
            }

            for (var i = 0; args.Noisy is not null && i < pixels; i++)
            {
                var value = mean[i] + (basis.IsEmpty ? std[i] * z[i] : 0);
                for (var k = 0; !basis.IsEmpty && k < kept; k++)
                {
                    value += basis[(k * pixels) + i] * std[k] * z[k];
                }

                F64(args.Noisy)[(patch * pixels) + i] = value;
            }
        }
    }

    private static double Normal(ulong seed, uint step, long element)
    {
        var (x, y, z, w) = Philox.Block(seed, RandomStream.Noise, step, (ulong)(element / 4));
        var pair = element % 4 < 2 ? Philox.Normals<double>(x, y) : Philox.Normals<double>(z, w);
        return element % 2 == 0 ? pair.First : pair.Second;
    }
}

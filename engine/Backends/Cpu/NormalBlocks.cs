using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cpu;

/// <summary>
/// Standard normals of neighbouring elements of a random stream: eight Philox blocks at once, 32 normals, in about five clocks each. The words are
/// those of <see cref="Philox"/>; the normals agree with its float ones to 2e-6, since logarithm, sine and cosine are polynomials here.
/// </summary>
internal static unsafe class NormalBlocks
{
    private const int Blocks = 8, Count = 4 * Blocks;

    /// <summary>Fills a row.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="stream">What the numbers are for.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="first">Element of the first normal, from 0.</param>
    /// <param name="to">Where they go.</param>
    /// <param name="count">How many.</param>
    public static void Fill(ulong seed, RandomStream stream, uint step, long first, float* to, int count)
    {
        var chunk = stackalloc float[Count];
        for (var start = first / 4 * 4; start < first + count; start += Count)
        {
            if (start >= first && start + Count <= first + count)
            {
                Chunk(seed, stream, step, (ulong)start / 4, to + (start - first));
                continue;
            }

            Chunk(seed, stream, step, (ulong)start / 4, chunk);
            for (var element = Math.Max(start, first); element < Math.Min(start + Count, first + count); element++)
            {
                to[element - first] = chunk[element - start];
            }
        }
    }

    private static void Chunk(ulong seed, RandomStream stream, uint step, ulong block, float* to)
    {
        Vector256<uint> x, y, z, w;
        if (Avx2.IsSupported)
        {
            (x, y, z, w) = Words(seed, stream, step, block);
        }
        else
        {
            (x, y, z, w) = (default, default, default, default);
            for (var i = 0; i < Blocks; i++)
            {
                var words = Philox.Block(seed, stream, step, block + (ulong)i);
                (x, y, z, w) = (x.WithElement(i, words.X), y.WithElement(i, words.Y), z.WithElement(i, words.Z), w.WithElement(i, words.W));
            }
        }

        var (n0, n1) = Normals(x, y);
        var (n2, n3) = Normals(z, w);
        Interleave(n0, n1, n2, n3, to);
    }

    /// <summary>Eight blocks, one a lane: the rounds of <see cref="Philox.Block(ulong, uint, uint, uint, uint)"/>.</summary>
    private static (Vector256<uint> X, Vector256<uint> Y, Vector256<uint> Z, Vector256<uint> W) Words(ulong seed, RandomStream stream, uint step, ulong block)
    {
        var low = Vector256.Create((uint)block) + Vector256<uint>.Indices;
        var carried = Vector256.LessThan(low, Vector256.Create((uint)block)) & Vector256<uint>.One;
        Vector256<uint> c0 = low, c1 = Vector256.Create((uint)(block >> 32)) + carried, c2 = Vector256.Create(step), c3 = Vector256.Create((uint)stream);
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (var round = 0; round < Philox.Rounds; round++)
        {
            var (high0, low0) = Product(c0, Philox.Multiplier0);
            var (high1, low1) = Product(c2, Philox.Multiplier1);
            (c0, c1, c2, c3) = (high1 ^ c1 ^ Vector256.Create(k0), low1, high0 ^ c3 ^ Vector256.Create(k1), low0);
            k0 += Philox.Weyl0;
            k1 += Philox.Weyl1;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>High and low halves of 32-bit products: the machine multiplies even lanes, so odd ones are moved there and back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<uint> High, Vector256<uint> Low) Product(Vector256<uint> x, uint factor)
    {
        var f = Vector256.Create(factor);
        var even = Avx2.Multiply(x, f).AsUInt32();
        var odd = Avx2.Multiply(Avx2.Shuffle(x, 0xF5), f).AsUInt32();
        return (Avx2.Blend(Avx2.Shuffle(even, 0xF5), odd, 0xAA), Avx2.Blend(even, Avx2.Shuffle(odd, 0xA0), 0xAA));
    }

    /// <summary>Box and Muller on eight pairs of words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> First, Vector256<float> Second) Normals(Vector256<uint> a, Vector256<uint> b)
    {
        var radius = Vector256.Sqrt(Vector256.Create(-2f) * VectorMath.Log(Uniforms(a)));
        var (sin, cos) = VectorMath.SinCosPi(Vector256.Create(2f) * Uniforms(b));
        return (radius * cos, radius * sin);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Uniforms(Vector256<uint> words) =>
        (Vector256.ConvertToSingle((words >>> 9).AsInt32()) + Vector256.Create(0.5f)) * Vector256.Create(1f / 8388608f);

    /// <summary>to[4 i + k] = n_k[i].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Interleave(Vector256<float> n0, Vector256<float> n1, Vector256<float> n2, Vector256<float> n3, float* to)
    {
        if (!Avx.IsSupported)
        {
            for (var i = 0; i < Blocks; i++)
            {
                (to[4 * i], to[(4 * i) + 1], to[(4 * i) + 2], to[(4 * i) + 3]) = (n0[i], n1[i], n2[i], n3[i]);
            }

            return;
        }

        Vector256<double> low01 = Avx.UnpackLow(n0, n1).AsDouble(), high01 = Avx.UnpackHigh(n0, n1).AsDouble();
        Vector256<double> low23 = Avx.UnpackLow(n2, n3).AsDouble(), high23 = Avx.UnpackHigh(n2, n3).AsDouble();

        // Each holds block i in its lower and block i + 4 in its upper half.
        Vector256<float> b0 = Avx.UnpackLow(low01, low23).AsSingle(), b1 = Avx.UnpackHigh(low01, low23).AsSingle();
        Vector256<float> b2 = Avx.UnpackLow(high01, high23).AsSingle(), b3 = Avx.UnpackHigh(high01, high23).AsSingle();
        Avx.Permute2x128(b0, b1, 0x20).Store(to);
        Avx.Permute2x128(b2, b3, 0x20).Store(to + 8);
        Avx.Permute2x128(b0, b1, 0x31).Store(to + 16);
        Avx.Permute2x128(b2, b3, 0x31).Store(to + 24);
    }
}

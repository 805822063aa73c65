using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LDaeCore.Bench;

/// <summary>The two ceilings of a processor: a copy by all threads, and multiply-adds that never leave the registers.</summary>
internal static unsafe class ProcessorLimits
{
    private const int CopyBytes = 64 << 20, Alignment = 64, Accumulators = 12, VectorFloats = 8;
    private const int Rounds = 2_000_000;

    /// <summary>Bytes of one copy, read and written, by all threads together.</summary>
    public static double BytesOfCopy(int threads) => 2.0 * threads * CopyBytes;

    /// <summary>Operations of one loop, by all threads together.</summary>
    public static double FlopsOfLoop(int threads) => 2.0 * threads * Rounds * Accumulators * VectorFloats;

    /// <summary>Whether the loop can run here: it is written for AVX2 and FMA.</summary>
    public static bool HasLoop => Fma.IsSupported && Avx2.IsSupported;

    /// <summary>Times of the copy.</summary>
    /// <param name="threads">Each copies its own memory.</param>
    /// <param name="count">Times wanted.</param>
    public static double[] Copies(int threads, int count)
    {
        var blocks = new nint[2 * threads];
        try
        {
            for (var i = 0; i < blocks.Length; i++)
            {
                blocks[i] = (nint)NativeMemory.AlignedAlloc(CopyBytes, Alignment);
                new Span<byte>((void*)blocks[i], CopyBytes).Fill((byte)i);
            }

            return Times(threads, count, thread => Buffer.MemoryCopy((void*)blocks[2 * thread], (void*)blocks[(2 * thread) + 1], CopyBytes, CopyBytes));
        }
        finally
        {
            Array.ForEach(blocks, block => NativeMemory.AlignedFree((void*)block));
        }
    }

    /// <summary>Times of the loop.</summary>
    /// <param name="threads">Each runs it.</param>
    /// <param name="count">Times wanted.</param>
    public static double[] Loops(int threads, int count)
    {
        var sums = new float[threads * Alignment];
        return Times(threads, count, thread => sums[thread * Alignment] = Loop(1 + thread));
    }

    /// <summary>Twelve independent chains: enough to hide the latency of a multiply-add on two units.</summary>
    private static float Loop(float start)
    {
        Vector256<float> a = Vector256.Create(start), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a, l = a;
        Vector256<float> x = Vector256.Create(0.999f), y = Vector256.Create(0.001f);
        for (var round = 0; round < Rounds; round++)
        {
            a = Fma.MultiplyAdd(a, x, y);
            b = Fma.MultiplyAdd(b, x, y);
            c = Fma.MultiplyAdd(c, x, y);
            d = Fma.MultiplyAdd(d, x, y);
            e = Fma.MultiplyAdd(e, x, y);
            f = Fma.MultiplyAdd(f, x, y);
            g = Fma.MultiplyAdd(g, x, y);
            h = Fma.MultiplyAdd(h, x, y);
            i = Fma.MultiplyAdd(i, x, y);
            j = Fma.MultiplyAdd(j, x, y);
            k = Fma.MultiplyAdd(k, x, y);
            l = Fma.MultiplyAdd(l, x, y);
        }

        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    private static double[] Times(int threads, int count, Action<int> work)
    {
        var times = new double[count];
        for (var i = -1; i < count; i++)
        {
            using var start = new Barrier(threads + 1);
            using var end = new Barrier(threads + 1);
            var team = Enumerable.Range(0, threads).Select(thread => new Thread(() =>
            {
                start.SignalAndWait();
                work(thread);
                end.SignalAndWait();
            })).ToArray();
            Array.ForEach(team, thread => thread.Start());
            start.SignalAndWait();
            var before = Stopwatch.GetTimestamp();
            end.SignalAndWait();
            if (i >= 0)
            {
                times[i] = Stopwatch.GetElapsedTime(before).TotalSeconds;
            }

            Array.ForEach(team, thread => thread.Join());
        }

        return times;
    }
}

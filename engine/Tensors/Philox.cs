using System.Numerics;
using System.Runtime.CompilerServices;

namespace LDaeCore.Engine.Tensors;

/// <summary>
/// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
/// A block of four 32-bit words is a pure function of (key, counter), so a sample's noise depends on where it stands
/// in the global batch and on nothing else: not on the thread, the device or what was drawn before.
/// </summary>
public static class Philox
{
    internal const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    internal const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    internal const int Rounds = 10;

    /// <summary>One block: ten rounds over a 128-bit counter under a 64-bit key.</summary>
    /// <param name="key">The 64-bit seed; its low half is key word 0.</param>
    /// <param name="c0">Counter word 0.</param>
    /// <param name="c1">Counter word 1.</param>
    /// <param name="c2">Counter word 2.</param>
    /// <param name="c3">Counter word 3.</param>
    /// <returns>Four independent uniform 32-bit words.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (uint X, uint Y, uint Z, uint W) Block(ulong key, uint c0, uint c1, uint c2, uint c3)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (var round = 0; round < Rounds; round++)
        {
            var p0 = (ulong)Multiplier0 * c0;
            var p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return (c0, c1, c2, c3);
    }

    /// <summary>The block that holds elements 4n to 4n+3 of a stream at a step, in the engine's counter layout.</summary>
    /// <param name="seed">The run's seed: the key.</param>
    /// <param name="stream">What the numbers are for; see <see cref="RandomStream"/>.</param>
    /// <param name="step">The optimizer step.</param>
    /// <param name="block">Element index in the global batch, divided by four.</param>
    /// <returns>Four uniform 32-bit words.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (uint X, uint Y, uint Z, uint W) Block(ulong seed, RandomStream stream, uint step, ulong block) =>
        Block(seed, (uint)block, (uint)(block >> 32), step, (uint)stream);

    /// <summary>A uniform in (0, 1): 23 bits and a half, so that neither 0 nor 1 occurs and float32 holds it exactly.</summary>
    /// <param name="word">Uniform 32-bit word.</param>
    /// <returns>(word / 512 + 1/2) / 2^23.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Uniform(uint word) => ((word >> 9) + 0.5f) * (1f / 8388608f);

    /// <summary>One uniform word: element <paramref name="index"/> of a stream at a step.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="stream">What the number is for.</param>
    /// <param name="step">The optimizer step.</param>
    /// <param name="index">Element index in the global batch.</param>
    /// <returns>A uniform 32-bit word.</returns>
    public static uint Word(ulong seed, RandomStream stream, uint step, ulong index)
    {
        var (x, y, z, w) = Block(seed, stream, step, index / 4);
        return (index % 4) switch { 0 => x, 1 => y, 2 => z, _ => w };
    }

    /// <summary>An integer uniform in 0..<paramref name="bound"/>-1 (multiply-shift; bias below bound / 2^32).</summary>
    /// <param name="word">Uniform 32-bit word.</param>
    /// <param name="bound">Exclusive upper bound.</param>
    /// <returns>The integer.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Below(uint word, uint bound) => (uint)(((ulong)word * bound) >> 32);

    /// <summary>Two standard normals from two words by Box and Muller, in the precision of <typeparamref name="T"/>.</summary>
    /// <typeparam name="T">float or double.</typeparam>
    /// <param name="a">Word for the radius.</param>
    /// <param name="b">Word for the angle.</param>
    /// <returns>Two independent N(0, 1) values.</returns>
    public static (T First, T Second) Normals<T>(uint a, uint b)
        where T : IFloatingPointIeee754<T>
    {
        var radius = T.Sqrt(T.CreateTruncating(-2) * T.Log(T.CreateTruncating(Uniform(a))));
        var (sin, cos) = T.SinCosPi(T.CreateTruncating(2) * T.CreateTruncating(Uniform(b)));
        return (radius * cos, radius * sin);
    }
}

/// <summary>What random numbers are for: word 3 of the Philox counter, so that no two uses share a number.</summary>
public enum RandomStream : uint
{
    /// <summary>Parameter initialisation; the step word is the parameter's index.</summary>
    Initialization = 0,

    /// <summary>Latent (or pixel) noise; the element index counts the batch's latents.</summary>
    Noise = 1,

    /// <summary>The time step t of each sample.</summary>
    Time = 2,

    /// <summary>Crop rectangle of each sample.</summary>
    Crop = 3,

    /// <summary>Horizontal flip of each sample.</summary>
    Flip = 4,

    /// <summary>Order of the samples; the step word is the epoch.</summary>
    Shuffle = 5,

    /// <summary>Which patches the PCA sees.</summary>
    Patches = 6,

    /// <summary>Procedural images; the step word is the image's index.</summary>
    Synthetic = 7,

    /// <summary>Which training images are held out for choices.</summary>
    HoldOut = 8,

    /// <summary>Label dropout for classifier-free guidance.</summary>
    LabelDropout = 9,

    /// <summary>Sampling from a generative model.</summary>
    Sampling = 10,

    /// <summary>Op cases of the tests and the bench; the step word is the input's index.</summary>
    Case = 11,

    /// <summary>Which images a picture shows.</summary>
    Pictures = 12,
}

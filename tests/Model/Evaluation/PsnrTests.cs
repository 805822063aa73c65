using LDaeCore.Model.Evaluation;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Evaluation;

/// <summary>Known ratios.</summary>
public sealed class PsnrTests
{
    [Test]
    public void Known_ratios()
    {
        Assert.That(Psnr.Of((float[])[0.5f, -0.5f], (float[])[0.7f, -0.7f]), Is.EqualTo(20).Within(1e-5));
        Assert.That(Psnr.Of((float[])[0.5f, 1f], (float[])[0.4f, 1.1f], peak: 1), Is.EqualTo(20).Within(1e-5));
        Assert.That(Psnr.Of((byte[])[0, 10], (byte[])[255, 10]), Is.EqualTo(10 * Math.Log10(2)).Within(1e-12));
        Assert.That(Psnr.Of((byte[])[3], (byte[])[3]), Is.EqualTo(double.PositiveInfinity));
    }

    [Test]
    public void Bytes_and_their_values_in_the_symmetric_range_agree()
    {
        var random = new Random(3);
        byte[] a = new byte[300], b = new byte[300];
        random.NextBytes(a);
        random.NextBytes(b);
        static float[] Values(byte[] x) => [.. x.Select(v => (v / 127.5f) - 1)];
        Assert.That(Psnr.Of(Values(a), Values(b)), Is.EqualTo(Psnr.Of(a, b)).Within(1e-5));
    }

    [Test]
    public void Different_lengths_and_nothing_are_refused()
    {
        Assert.That(() => Psnr.Of(new float[2], new float[3]), Throws.ArgumentException);
        Assert.That(() => Psnr.Of(Array.Empty<byte>(), []), Throws.ArgumentException);
    }
}

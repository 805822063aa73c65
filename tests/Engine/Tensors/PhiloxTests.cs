using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Tensors;

/// <summary>Random123's known-answer vectors for philox4x32 with ten rounds, and the derived numbers.</summary>
public sealed class PhiloxTests
{
    [TestCase(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [TestCase(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [TestCase(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Known_answers_of_Random123(
        uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint x, uint y, uint z, uint w)
    {
        var block = Philox.Block(k0 | ((ulong)k1 << 32), c0, c1, c2, c3);
        Assert.That(block, Is.EqualTo((x, y, z, w)));
    }

    [Test]
    public void A_uniform_is_never_zero_or_one()
    {
        Assert.That(Philox.Uniform(0), Is.GreaterThan(0f));
        Assert.That(Philox.Uniform(uint.MaxValue), Is.LessThan(1f));
    }

    [Test]
    public void Normals_have_the_moments_of_a_unit_Gaussian()
    {
        const int blocks = 1 << 16;
        double sum = 0, square = 0, fourth = 0;
        for (uint i = 0; i < blocks; i++)
        {
            var (a, b, c, d) = Philox.Block(7, RandomStream.Noise, 3, i);
            var (n0, n1) = Philox.Normals<double>(a, b);
            var (n2, n3) = Philox.Normals<double>(c, d);
            foreach (var n in (double[])[n0, n1, n2, n3])
            {
                sum += n;
                square += n * n;
                fourth += n * n * n * n;
            }
        }

        const double count = 4.0 * blocks;
        Assert.That(sum / count, Is.EqualTo(0).Within(0.01));
        Assert.That(square / count, Is.EqualTo(1).Within(0.02));
        Assert.That(fourth / count, Is.EqualTo(3).Within(0.12));
    }

    [Test]
    public void Float_and_double_normals_agree_to_two_millionths()
    {
        for (uint i = 0; i < 100_000; i++)
        {
            var (a, b, _, _) = Philox.Block(11, RandomStream.Noise, 0, i);
            var (f0, f1) = Philox.Normals<float>(a, b);
            var (d0, d1) = Philox.Normals<double>(a, b);
            Assert.That(f0, Is.EqualTo(d0).Within(2e-6));
            Assert.That(f1, Is.EqualTo(d1).Within(2e-6));
        }
    }
}

using System.Runtime.Intrinsics;
using LDaeCore.Engine.Backends.Cpu.Vectors;
using LDaeCore.Engine.Numerics;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Numerics;

/// <summary>The normal distribution's function against tabulated values and its own derivative.</summary>
public sealed class NormalDistributionTests
{
    // Q(x) = 1 - Phi(x), Abramowitz and Stegun, tables 26.1 and 26.2.
    [TestCase(0, 0.5)]
    [TestCase(1, 0.841344746068542948)]
    [TestCase(-1, 0.158655253931457051)]
    [TestCase(2, 0.977249868051820793)]
    [TestCase(-3, 1.349898031630094527e-3)]
    [TestCase(-5, 2.866515718791939117e-7)]
    [TestCase(-10, 7.619853024160526e-24)]
    public void Cumulative_is_what_tables_say(double x, double phi) =>
        Assert.That(NormalDistribution.Cumulative(x), Is.EqualTo(phi).Within(phi < 1e-2 && x > -3.5 ? 1e-16 : 1e-13 * phi));

    [Test]
    public void Series_and_fraction_meet_and_the_slope_is_the_density()
    {
        for (var x = -6.0; x < 6; x += 0.01)
        {
            const double h = 1e-5;
            var slope = (NormalDistribution.Cumulative(x + h) - NormalDistribution.Cumulative(x - h)) / (2 * h);
            Assert.That(slope, Is.EqualTo(NormalDistribution.Density(x)).Within(1e-10), $"{x}");
        }
    }

    [Test]
    public void The_vector_form_is_close_to_it()
    {
        for (var x = -12f; x < 12; x += 8 * 0.0137f)
        {
            var lanes = Vector256.Create([.. Enumerable.Range(0, 8).Select(i => x + (i * 0.0137f))]);
            var (value, slope) = (VectorMath.GeluErf(lanes), VectorMath.GeluErfDerivative(lanes));
            for (var i = 0; i < 8; i++)
            {
                double v = lanes[i], phi = NormalDistribution.Cumulative(v);
                Assert.That(value[i], Is.EqualTo(v * phi).Within(2.5e-7 * Math.Max(1, Math.Abs(v))));
                Assert.That(slope[i], Is.EqualTo(phi + (v * NormalDistribution.Density(v))).Within(5e-7));
            }
        }
    }
}

using LDaeCore.Engine.Errors;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Diffusion;

/// <summary>Every schedule against its closed form at every time step.</summary>
public sealed class NoiseScheduleTests
{
    private const double Tolerance = 1e-12;

    [TestCase(NoiseScheduleKind.LinearSigma, 1000)]
    [TestCase(NoiseScheduleKind.LinearSigma, 7)]
    [TestCase(NoiseScheduleKind.Single, 1000)]
    [TestCase(NoiseScheduleKind.Single, 1)]
    [TestCase(NoiseScheduleKind.LinearGammaSquared, 1000)]
    [TestCase(NoiseScheduleKind.LinearGammaSquared, 1)]
    [TestCase(NoiseScheduleKind.LinearBeta, 1000)]
    [TestCase(NoiseScheduleKind.LinearBeta, 50)]
    public void Every_step_has_its_closed_form(NoiseScheduleKind kind, int levels)
    {
        var schedule = NoiseSchedule.Create(kind, levels);
        Assert.That((schedule.Kind, schedule.Levels), Is.EqualTo((kind, levels)));
        Assert.That((schedule.Gamma(0), schedule.Sigma(0), schedule.Lambda(0)), Is.EqualTo((1.0, 0.0, 1.0)));
        var logarithm = 0.0;
        for (var t = 1; t <= levels; t++)
        {
            logarithm += Math.Log(1 - (1000.0 / levels * (1e-4 + (0.0199 * (t - 1) / Math.Max(1, levels - 1)))));
            var (gamma, sigma, lambda) = kind switch
            {
                NoiseScheduleKind.LinearSigma => (1, Math.Sqrt(2) * t / levels, 1 / (1 + (2.0 * t * t / levels / levels))),
                NoiseScheduleKind.Single => (1, 1 / Math.Sqrt(3), 0.75),
                NoiseScheduleKind.LinearGammaSquared => (Math.Sqrt((levels - t) / (double)levels), Math.Sqrt(t / (double)levels), (levels - t) / (double)levels),
                _ => (Math.Exp(logarithm / 2), Math.Sqrt(1 - Math.Exp(logarithm)), Math.Exp(logarithm)),
            };
            Assert.That(schedule.Gamma(t), Is.EqualTo(gamma).Within(Tolerance), $"gamma {t}");
            Assert.That(schedule.Sigma(t), Is.EqualTo(sigma).Within(Tolerance), $"sigma {t}");
            Assert.That(schedule.Lambda(t), Is.EqualTo(lambda).Within(Tolerance), $"lambda {t}");
        }
    }

    [Test]
    public void The_paper_s_end_points()
    {
        Assert.That(NoiseSchedule.Create(NoiseScheduleKind.LinearSigma).Sigma(1000), Is.EqualTo(Math.Sqrt(2)).Within(1e-15));
        Assert.That(NoiseSchedule.Create(NoiseScheduleKind.LinearSigma).Lambda(1000), Is.EqualTo(1.0 / 3).Within(1e-15));
        Assert.That(NoiseSchedule.Create(NoiseScheduleKind.LinearGammaSquared).Gamma(1000), Is.Zero);
        Assert.That(NoiseSchedule.Create(NoiseScheduleKind.LinearBeta).Lambda(1000), Is.EqualTo(4.036e-5).Within(1e-8), "DDPM's last alpha-bar");
        Assert.That(NoiseSchedule.Create(NoiseScheduleKind.Single, 1, 0.25).Sigma(1), Is.EqualTo(0.25));
    }

    [Test]
    public void Times_are_uniform_and_depend_on_the_place_in_the_batch_only()
    {
        var schedule = NoiseSchedule.Create(NoiseScheduleKind.LinearSigma, 10);
        var counts = new int[11];
        for (var i = 0; i < 20_000; i++)
        {
            counts[schedule.DrawTime(3, 8, i)]++;
        }

        Assert.That(counts[0], Is.Zero);
        Assert.That(counts.Skip(1), Is.All.InRange(1800, 2200));
        Assert.That(NoiseSchedule.Create(NoiseScheduleKind.LinearBeta, 1000).DrawTime(3, 8, 77) / 100, Is.EqualTo(schedule.DrawTime(3, 8, 77) - 1).Within(1));
        Assert.That(Enumerable.Range(0, 50).Select(i => schedule.DrawTime(3, 9, i)), Is.Not.EqualTo(Enumerable.Range(0, 50).Select(i => schedule.DrawTime(3, 8, i))));
    }

    [TestCase(NoiseScheduleKind.LinearSigma, 0, 1, "noise.levels")]
    [TestCase(NoiseScheduleKind.LinearBeta, 20, 1, "noise.levels")]
    [TestCase(NoiseScheduleKind.Single, 1, 0, "noise.sigma")]
    [TestCase(NoiseScheduleKind.Single, 1, double.NaN, "noise.sigma")]
    public void What_is_out_of_range_is_named(NoiseScheduleKind kind, int levels, double sigma, string field)
    {
        var error = Assert.Throws<LdaeException>(() => NoiseSchedule.Create(kind, levels, sigma))!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Configuration));
        Assert.That(error.Message, Does.Contain(field));
    }
}

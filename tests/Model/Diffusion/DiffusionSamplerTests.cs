using LDaeCore.Engine.Errors;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Tests.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Diffusion;

/// <summary>Sampling against numbers that do not come from its own formulas: a posterior by quadrature, and data whose best estimate is known.</summary>
public sealed class DiffusionSamplerTests
{
    // Two narrow Gaussians of unit variance together.
    private const double Mode = 0.9, Spread = 0.1;

    [TestCase(NoiseScheduleKind.LinearBeta, 400, 500)]
    [TestCase(NoiseScheduleKind.LinearBeta, 1, 2)]
    [TestCase(NoiseScheduleKind.LinearGammaSquared, 900, 1000)]
    [TestCase(NoiseScheduleKind.LinearGammaSquared, 300, 301)]
    [TestCase(NoiseScheduleKind.LinearSigma, 200, 700)]
    public void The_posterior_is_that_of_the_forward_process_by_quadrature(NoiseScheduleKind kind, int s, int t)
    {
        const double clean = 0.7;
        var schedule = NoiseSchedule.Create(kind);

        // A noisy value that is not the likeliest, but one that occurs: a standard deviation off.
        var noisy = (schedule.Gamma(t) * clean) - schedule.Sigma(t);
        var (fromNoisy, fromClean, std) = DiffusionSampler.Posterior(schedule, s, t);

        // q(z_s | z_t, z_0) is proportional to q(z_s | z_0) q(z_t | z_s), summed over a grid of z_s.
        var ratio = schedule.Gamma(t) / schedule.Gamma(s);
        var between = (schedule.Sigma(t) * schedule.Sigma(t)) - (ratio * ratio * schedule.Sigma(s) * schedule.Sigma(s));
        var (from, width) = (schedule.Gamma(s) * clean, schedule.Sigma(s));
        const int points = 400_001;
        double total = 0, first = 0, second = 0;
        for (var i = 0; i < points; i++)
        {
            var z = from + (width * 20 * ((i / (points - 1.0)) - 0.5));
            var density = Math.Exp((-Square(z - from) / (2 * width * width)) - (Square(noisy - (ratio * z)) / (2 * between)));
            (total, first, second) = (total + density, first + (density * z), second + (density * z * z));
        }

        var mean = first / total;
        Assert.That((fromNoisy * noisy) + (fromClean * clean), Is.EqualTo(mean).Within(1e-6));
        Assert.That(std, Is.EqualTo(Math.Sqrt((second / total) - (mean * mean))).Within(1e-6));
    }

    [TestCase(SamplerKind.Ddim, NoiseScheduleKind.LinearBeta, 100)]
    [TestCase(SamplerKind.Ddim, NoiseScheduleKind.LinearGammaSquared, 200)]
    [TestCase(SamplerKind.Ddpm, NoiseScheduleKind.LinearBeta, 500)]
    public void Samples_of_two_gaussians_recover_the_modes(SamplerKind kind, NoiseScheduleKind noise, int steps)
    {
        const int count = 4000;
        var schedule = NoiseSchedule.Create(noise);
        var samples = new DiffusionSampler(schedule, kind, steps, 11).Run(count, (z, t) => Array.ConvertAll(z, value => Best(value, schedule.Gamma(t), schedule.Sigma(t))));
        var (high, low) = (samples.Where(x => x > 0).ToArray(), samples.Where(x => x <= 0).ToArray());
        Assert.Multiple(() =>
        {
            Assert.That(high, Has.Length.EqualTo(count / 2).Within(150), "half of the samples, within five standard errors");
            Assert.That(high.Average(), Is.EqualTo(Mode).Within(0.03));
            Assert.That(low.Average(), Is.EqualTo(-Mode).Within(0.03));
            Assert.That(Math.Sqrt(high.Average(x => Square(x - high.Average()))), Is.EqualTo(Spread).Within(0.03));
        });
    }

    [Test]
    public void Steps_go_down_to_zero_and_start_where_there_is_signal()
    {
        var beta = new DiffusionSampler(NoiseSchedule.Create(NoiseScheduleKind.LinearBeta), SamplerKind.Ddim, 4, 0);
        var gamma = new DiffusionSampler(NoiseSchedule.Create(NoiseScheduleKind.LinearGammaSquared), SamplerKind.Ddim, 999, 0);
        Assert.That(beta.Times, Is.EqualTo(new[] { 1000, 750, 500, 250, 0 }));
        Assert.That(gamma.Times, Is.EqualTo(Enumerable.Range(0, 1000).Reverse()));
    }

    [Test]
    public void Equal_seeds_give_equal_samples_wherever_they_are_drawn()
    {
        var schedule = NoiseSchedule.Create(NoiseScheduleKind.LinearSigma);
        double[] Draw(ulong seed, int count, long first) => new DiffusionSampler(schedule, SamplerKind.Ddpm, 20, seed)
            .Run(count, (z, t) => Array.ConvertAll(z, value => Best(value, schedule.Gamma(t), schedule.Sigma(t))), first);
        var all = Draw(3, 10, 0);
        Assert.That(Draw(3, 4, 6), Is.EqualTo(all[6..]));
        Assert.That(Draw(4, 10, 0), Is.Not.EqualTo(all));
    }

    [Test]
    public void What_cannot_be_sampled_is_refused()
    {
        static LdaeException Refusal(NoiseScheduleKind kind, int steps) =>
            Assignments.Refusal(() => _ = new DiffusionSampler(NoiseSchedule.Create(kind), SamplerKind.Ddim, steps, 0));
        Assert.That(Refusal(NoiseScheduleKind.Single, 1).Message, Does.StartWith("noise.schedule = single"));
        Assert.That(Refusal(NoiseScheduleKind.LinearGammaSquared, 1000).Remedy, Does.Contain("999"));
    }

    /// <summary>E[z_0 | z_t] of the two Gaussians: the mean under each, weighted by how well each explains z_t.</summary>
    private static double Best(double z, double gamma, double sigma)
    {
        var variance = (gamma * gamma * Spread * Spread) + (sigma * sigma);
        double Of(double mode) => mode + (gamma * Spread * Spread / variance * (z - (gamma * mode)));
        var odds = Math.Exp(-2 * gamma * Mode * z / variance);
        return (Of(Mode) + (odds * Of(-Mode))) / (1 + odds) is var mean && double.IsFinite(mean) ? mean : z > 0 ? Of(Mode) : Of(-Mode);
    }

    private static double Square(double x) => x * x;
}

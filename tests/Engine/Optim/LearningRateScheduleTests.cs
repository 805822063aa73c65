using LDaeCore.Engine.Optim;
using LDaeCore.Tests.Goldens;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Optim;

/// <summary>Ends and middles of warm-up and cosine.</summary>
public sealed class LearningRateScheduleTests
{
    [TestCase(0, 0.08)]
    [TestCase(4, 0.4)]
    [TestCase(9, 0.8)]
    [TestCase(10, 0.8)]
    [TestCase(60, 0.5)]
    [TestCase(35, 0.5 + (0.3 * 0.70710678118654752))]
    [TestCase(85, 0.5 - (0.3 * 0.70710678118654752))]
    [TestCase(110, 0.2)]
    [TestCase(500, 0.2)]
    public void Ends_and_middles(long step, double expected) =>
        Assert.That(LearningRateSchedule.At(step, 110, 10, 0.8, 0.2), Is.EqualTo(expected).Within(1e-15));

    [TestCase(1, 0)]
    [TestCase(1, 1)]
    [TestCase(7, 7)]
    [TestCase(40, 9)]
    public void Every_step_moves_and_none_exceeds_the_peak(long total, long warmup)
    {
        var rates = Enumerable.Range(0, (int)total).Select(s => LearningRateSchedule.At(s, total, warmup, 1e-3)).ToArray();
        Assert.That(rates, Is.All.GreaterThan(0).And.All.LessThanOrEqualTo(1e-3));
        Assert.That(rates.Max(), Is.EqualTo(1e-3));
        Assert.That(rates.Skip((int)warmup), Is.Ordered.Descending);
        Assert.That(LearningRateSchedule.At(total, total, warmup, 1e-3), Is.Zero);
    }

    [TestCase(-1, 10, 1)]
    [TestCase(0, 0, 0)]
    [TestCase(0, 10, 11)]
    [TestCase(0, 10, -1)]
    public void What_is_out_of_range_is_refused(long step, long total, long warmup) =>
        Assert.That(() => LearningRateSchedule.At(step, total, warmup, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(10)]
    public void The_schedule_is_that_of_the_golden(int warmup)
    {
        // The golden counts steps from 1: its entry 0 is the rate before the first step.
        var golden = GoldenFile.Open("schedule");
        var expected = golden.Values($"out.lr.{warmup}");
        var (steps, peak) = ((long)golden.Constant("steps"), golden.Constant("base"));
        for (var step = 0; step < steps; step++)
        {
            var entry = step < warmup ? step + 1 : step;
            Assert.That(LearningRateSchedule.At(step, steps, warmup, peak), Is.EqualTo(expected[entry]).Within(1e-15 * peak + 1e-18), $"step {step}");
        }
    }
}

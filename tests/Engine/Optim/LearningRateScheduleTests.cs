using System.Text.Json;
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

    [TestCase(0, 0.001)]
    [TestCase(5, 0.4005)]
    [TestCase(9, 0.7201)]
    [TestCase(10, 0.8)]
    [TestCase(60, 0.5)]
    [TestCase(110, 0.2)]
    public void A_warm_up_from_a_start_value(long step, double expected) =>
        Assert.That(LearningRateSchedule.At(step, 110, 10, 0.8, 0.2, start: 0.001), Is.EqualTo(expected).Within(1e-15));

    [TestCase(0, 0.0)]
    [TestCase(24, 0.768)]
    [TestCase(25, 0.2 + (0.3 * (1 + 0.70710678118654752)))]
    [TestCase(50, 0.5)]
    [TestCase(75, 0.2 + (0.3 * (1 - 0.70710678118654752)))]
    [TestCase(100, 0.2)]
    public void A_cosine_that_does_not_restart_after_the_warm_up(long step, double expected) =>
        Assert.That(LearningRateSchedule.At(step, 100, 25, 0.8, 0.2, start: 0, restart: false), Is.EqualTo(expected).Within(1e-15));

    [TestCase(0, 0.0001)]
    [TestCase(125, 0.05005)]
    [TestCase(250, 0.1)]
    [TestCase(163_888, 0.1)]
    [TestCase(163_889, 0.01)]
    [TestCase(177_545, 0.01)]
    [TestCase(177_546, 0.001)]
    [TestCase(200_000, 0.001)]
    public void Steps_at_milestones_after_a_warm_up(long step, double expected) => Assert.That(
        LearningRateSchedule.MultiStep(step, 250, 0.1, [(163_889, 0.1), (177_546, 0.01)], start: 0.001 * 0.1), Is.EqualTo(expected).Within(1e-16));

    [TestCase(0, false, 0.25)]
    [TestCase(3, false, 1)]
    [TestCase(5, false, 0.5)]
    [TestCase(8, false, 0.5)]
    [TestCase(5, true, 1)]
    [TestCase(8, true, 1)]
    [TestCase(9, true, 0.5)]
    public void Milestones_counted_from_the_warm_up_or_from_the_start(long step, bool restart, double expected) =>
        Assert.That(LearningRateSchedule.MultiStep(step, 4, 1, [(5, 0.5)], restart: restart), Is.EqualTo(expected));

    [Test]
    public void Milestones_ascend_and_steps_are_not_negative()
    {
        Assert.That(() => LearningRateSchedule.MultiStep(0, 0, 1, [(5, 0.5), (5, 0.1)]), Throws.ArgumentException);
        Assert.That(() => LearningRateSchedule.MultiStep(-1, 0, 1, []), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => LearningRateSchedule.MultiStep(0, -1, 1, []), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(LearningRateSchedule.MultiStep(7, 0, 1, []), Is.EqualTo(1));
    }

    [TestCase("mae")]
    [TestCase("moco-v3")]
    [TestCase("timm prefix")]
    [TestCase("timm no_prefix")]
    public void Schedules_of_other_code(string name)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "goldens", "data", "schedules.json")));
        var golden = document.RootElement.EnumerateArray().Single(g => g.GetProperty("name").GetString() == name);
        double Number(string field) => golden.GetProperty(field).GetDouble();
        var rates = golden.GetProperty("rates").EnumerateArray().Select(rate => rate.GetDouble()).ToArray();
        for (var step = 0; step < rates.Length; step++)
        {
            var rate = LearningRateSchedule.At(
                step, (long)Number("total"), (long)Number("warmup"), Number("peak"), Number("floor"), Number("start"), golden.GetProperty("restart").GetBoolean());
            Assert.That(rate, Is.EqualTo(rates[step]).Within(1e-12 * rates[step]), $"step {step}");
        }

        Assert.That(rates, Has.Length.GreaterThan(25));
    }
}

namespace LDaeCore.Engine.Optim;

/// <summary>Learning rates by step: a linear warm-up, then half a cosine or steps. Pure functions of the step, so that a resumed run needs no state.</summary>
public static class LearningRateSchedule
{
    /// <summary>
    /// Warm-up and half a cosine: floor + (peak - floor) (1 + cos(pi p)) / 2 with p the share of the steps that are done. The warm-up is
    /// peak (k + 1) / warmupSteps in step k, so that the first step moves and the last has the peak; with a start value it is start + (peak - start) k / warmupSteps.
    /// </summary>
    /// <param name="step">Steps done before this one, from 0; at and after totalSteps the rate is the floor.</param>
    /// <param name="totalSteps">Steps of the run with the warm-up, at least 1.</param>
    /// <param name="warmupSteps">Steps of the warm-up, 0 to totalSteps.</param>
    /// <param name="peak">Rate at the end of the warm-up.</param>
    /// <param name="floor">Rate at the end of the run.</param>
    /// <param name="start">Rate of the first step of the warm-up, such as 0 or 1e-6 (MAE, MoCo v3, timm); when not given, one part of warmupSteps of the peak.</param>
    /// <param name="restart">
    /// Whether the cosine begins after the warm-up (MAE; timm's warmup_prefix), so that p counts the steps after it. Otherwise p counts all steps, and the
    /// rate continues after the warm-up at the cosine's value.
    /// </param>
    /// <returns>The learning rate.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number of steps is out of range.</exception>
    public static double At(long step, long totalSteps, long warmupSteps, double peak, double floor = 0, double? start = null, bool restart = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfLessThan(totalSteps, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(warmupSteps);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(warmupSteps, totalSteps);
        if (step >= totalSteps)
        {
            return floor;
        }

        if (step < warmupSteps)
        {
            return Warmup(step, warmupSteps, peak, start);
        }

        var before = restart ? warmupSteps : 0;
        var done = (double)(step - before) / (totalSteps - before);
        return floor + ((peak - floor) * 0.5 * (1 + double.CosPi(done)));
    }

    /// <summary>
    /// Warm-up, then the peak times the factor of the last milestone that is reached: detection's schedule (start = 0.001 peak, factors 0.1 and 0.01).
    /// The warm-up is that of <see cref="At"/> and leads to the peak.
    /// </summary>
    /// <param name="step">Steps done before this one, from 0.</param>
    /// <param name="warmupSteps">Steps of the warm-up.</param>
    /// <param name="peak">Rate before the first milestone.</param>
    /// <param name="milestones">Steps from which a factor of the peak holds, ascending.</param>
    /// <param name="start">Rate of the first step of the warm-up, or null as for <see cref="At"/>.</param>
    /// <param name="restart">Whether milestones count the steps after the warm-up; otherwise they count all steps.</param>
    /// <returns>The learning rate.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number of steps is negative.</exception>
    /// <exception cref="ArgumentException">The milestones do not ascend.</exception>
    public static double MultiStep(
        long step, long warmupSteps, double peak, IReadOnlyList<(long Step, double Factor)> milestones, double? start = null, bool restart = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegative(warmupSteps);
        if (milestones.Zip(milestones.Skip(1)).Any(pair => pair.First.Step >= pair.Second.Step))
        {
            throw new ArgumentException("The steps of milestones must ascend.", nameof(milestones));
        }

        if (step < warmupSteps)
        {
            return Warmup(step, warmupSteps, peak, start);
        }

        var counted = restart ? step - warmupSteps : step;
        return peak * milestones.Where(milestone => milestone.Step <= counted).Select(milestone => milestone.Factor).LastOrDefault(1.0);
    }

    private static double Warmup(long step, long warmupSteps, double peak, double? start) =>
        start is { } first ? first + ((peak - first) * step / warmupSteps) : peak * (step + 1) / warmupSteps;
}

namespace LDaeCore.Engine.Optim;

/// <summary>Linear warm-up, then half a cosine: a pure function of the step, so that a resumed run needs no state.</summary>
public static class LearningRateSchedule
{
    /// <summary>
    /// The learning rate of an optimizer step. Step k of the warm-up has peak (k + 1) / warmupSteps, so that the first step moves and
    /// the last has the peak; then floor + (peak - floor) (1 + cos(pi p)) / 2 with p the share of the remaining steps that are done.
    /// </summary>
    /// <param name="step">Steps done before this one, from 0; at and after totalSteps the rate is the floor.</param>
    /// <param name="totalSteps">Steps of the run, at least 1.</param>
    /// <param name="warmupSteps">Steps of the warm-up, 0 to totalSteps.</param>
    /// <param name="peak">Rate at the end of the warm-up.</param>
    /// <param name="floor">Rate at the end of the run.</param>
    /// <returns>The learning rate.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number of steps is out of range.</exception>
    public static double At(long step, long totalSteps, long warmupSteps, double peak, double floor = 0)
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
            return peak * (step + 1) / warmupSteps;
        }

        var done = (double)(step - warmupSteps) / (totalSteps - warmupSteps);
        return floor + ((peak - floor) * 0.5 * (1 + double.CosPi(done)));
    }
}

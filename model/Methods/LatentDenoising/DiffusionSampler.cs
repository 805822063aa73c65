using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>
/// From noise to latents, by an estimate of the clean latents of noisy ones. Any schedule z_t = gamma_t z_0 + sigma_t n
/// will do, in any number of steps: between two levels s &lt; t of a subsequence of 1..T
/// <list type="bullet">
/// <item><description>DDIM: z_s = gamma_s z_0 + (sigma_s / sigma_t) (z_t - gamma_t z_0);</description></item>
/// <item><description>DDPM: z_s is drawn from q(z_s | z_t, z_0), see <see cref="Posterior"/>.</description></item>
/// </list>
/// The last step lands on the estimate itself: level 0 has no noise.
/// </summary>
public sealed class DiffusionSampler
{
    private readonly NoiseSchedule _schedule;
    private readonly SamplerKind _kind;
    private readonly ulong _seed;

    /// <summary>Chooses the levels.</summary>
    /// <param name="schedule">The schedule that the network was trained with; not the single level.</param>
    /// <param name="kind">How steps are made.</param>
    /// <param name="steps">Number of steps; at most as many as there are levels with signal in them.</param>
    /// <param name="seed">Seed of all noise.</param>
    /// <exception cref="LdaeException">Configuration: the schedule has one level, or fewer than steps.</exception>
    public DiffusionSampler(NoiseSchedule schedule, SamplerKind kind, int steps, ulong seed)
    {
        if (schedule.Kind == NoiseScheduleKind.Single)
        {
            throw new LdaeException(
                ErrorKind.Configuration, "noise.schedule = single cannot be sampled from: with one level of noise there is no way from noise to an image.",
                "Train with another noise.schedule.");
        }

        // Where nothing of the signal is left, noise that is predicted says nothing of it.
        var last = Enumerable.Range(1, schedule.Levels).Last(t => schedule.Gamma(t) > 0);
        if (steps < 1 || steps > last)
        {
            throw new LdaeException(ErrorKind.Configuration, $"{steps} steps cannot be made: the schedule has {last} levels with signal in them.", $"Give 1 to {last} steps.");
        }

        (_schedule, _kind, _seed) = (schedule, kind, seed);
        Times = [.. Enumerable.Range(0, steps).Select(i => last - (int)((long)i * last / steps)), 0];
    }

    /// <summary>The levels in falling order, from the noisiest to 0.</summary>
    public IReadOnlyList<int> Times { get; }

    /// <summary>The Gaussian q(z_s | z_t, z_0), s &lt; t: its mean is fromNoisy z_t + fromClean z_0.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="s">The lower level.</param>
    /// <param name="t">The higher level.</param>
    /// <returns>Factors of the mean, and the standard deviation.</returns>
    public static (double FromNoisy, double FromClean, double Std) Posterior(NoiseSchedule schedule, int s, int t)
    {
        // z_t = ratio z_s + noise of variance between: the two Gaussians of z_s, from z_0 and from z_t, multiply.
        var ratio = schedule.Gamma(t) / schedule.Gamma(s);
        var (low, high) = (schedule.Sigma(s) * schedule.Sigma(s), schedule.Sigma(t) * schedule.Sigma(t));
        var between = high - (ratio * ratio * low);
        return (ratio * low / high, schedule.Gamma(s) * between / high, Math.Sqrt(Math.Max(0, between * low / high)));
    }

    /// <summary>Draws samples.</summary>
    /// <param name="count">Numbers of all samples together.</param>
    /// <param name="clean">Estimates the clean numbers behind noisy ones at a level.</param>
    /// <param name="first">Place of the first number among those of all calls: noise depends on it and on nothing else.</param>
    /// <returns>The samples.</returns>
    public double[] Run(int count, Func<double[], int, double[]> clean, long first = 0)
    {
        var (gamma, sigma) = (_schedule.Gamma(Times[0]), _schedule.Sigma(Times[0]));

        // At the noisiest level data of unit variance look like this, but for a rest of their own shape.
        var start = Math.Sqrt((gamma * gamma) + (sigma * sigma));
        var z = Array.ConvertAll(Normals(count, first, 0), n => start * n);
        for (var i = 0; i + 1 < Times.Count; i++)
        {
            z = Step(z, clean(z, Times[i]), Times[i], Times[i + 1], (uint)i + 1, first);
        }

        return z;
    }

    private double[] Step(double[] z, double[] clean, int t, int s, uint step, long first)
    {
        var (fromNoisy, fromClean, std) = Posterior(_schedule, s, t);
        if (_kind == SamplerKind.Ddim)
        {
            fromNoisy = _schedule.Sigma(s) / _schedule.Sigma(t);
            (fromClean, std) = (_schedule.Gamma(s) - (fromNoisy * _schedule.Gamma(t)), 0);
        }

        var next = new double[z.Length];
        var noise = std > 0 ? Normals(z.Length, first, step) : next;
        for (var i = 0; i < z.Length; i++)
        {
            next[i] = (fromNoisy * z[i]) + (fromClean * clean[i]) + (std * noise[i]);
        }

        return next;
    }

    private double[] Normals(int count, long first, uint step)
    {
        var normals = new double[count];
        for (var i = 0; i < count; i++)
        {
            var (x, y, _, _) = Philox.Block(_seed, RandomStream.Sampling, step, (ulong)(first + i));
            normals[i] = Philox.Normals<double>(x, y).First;
        }

        return normals;
    }
}

/// <summary>How a sample goes from one level of noise to a lower one.</summary>
public enum SamplerKind
{
    /// <summary>Along the estimated noise, drawing none (Song et al. 2021, eta = 0).</summary>
    Ddim,

    /// <summary>By the posterior of the forward process, drawing noise (Ho et al. 2020).</summary>
    Ddpm,
}

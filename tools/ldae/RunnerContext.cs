using LDaeCore.Engine.Distributed;

namespace LDaeCore.Runner;

/// <summary>What every command gets besides its own options.</summary>
/// <param name="Output">Where it writes.</param>
/// <param name="Time">The clock.</param>
/// <param name="Cancellation">Cancelled by SIGINT or SIGTERM: finish the step, save, stop.</param>
internal sealed record RunnerContext(RunnerOutput Output, TimeProvider Time, CancellationToken Cancellation)
{
    /// <summary>Which of how many processes this one is.</summary>
    public Launch Launch { get; init; } = Launch.Alone;
}

namespace LDaeCore.Runner.Commands;

/// <summary>What doctor was asked.</summary>
/// <param name="Device">What --device says; doctor reports its absence itself.</param>
/// <param name="Timings">Whether to say how long each part took.</param>
internal sealed record DoctorOptions(
    string Device,
    bool Timings);

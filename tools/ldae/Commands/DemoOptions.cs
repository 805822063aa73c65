using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Commands;

/// <summary>What demo was asked.</summary>
/// <param name="Recipe">What to train, resolved and checked.</param>
/// <param name="Device">Where to compute.</param>
/// <param name="Out">Where to write.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
internal sealed record DemoOptions(
    Recipe Recipe,
    DeviceChoice Device,
    RunFolder Out,
    int? Threads);

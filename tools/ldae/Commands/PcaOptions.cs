using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Commands;

/// <summary>What pca was asked.</summary>
/// <param name="Recipe">What to train, resolved and checked.</param>
/// <param name="Data">Which images.</param>
/// <param name="Device">Where to compute.</param>
/// <param name="Out">Where to write.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record PcaOptions(
    Recipe Recipe,
    string Data,
    DeviceChoice Device,
    RunFolder Out,
    int? Threads,
    int MaxBadSamples);

using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Commands;

/// <summary>What tokenizer train was asked.</summary>
/// <param name="Recipe">Whose tokenizer, resolved and checked.</param>
/// <param name="Data">Which images.</param>
/// <param name="Images">Test images to reconstruct.</param>
/// <param name="Device">Where to compute.</param>
/// <param name="Out">Where to write.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record TokenizerOptions(
    Recipe Recipe,
    string Data,
    int Images,
    DeviceChoice Device,
    RunFolder Out,
    int? Threads,
    int MaxBadSamples);

using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Commands;

/// <summary>What pretrain was asked.</summary>
/// <param name="Recipe">What to train, resolved and checked.</param>
/// <param name="Data">Which images.</param>
/// <param name="Device">Where to compute.</param>
/// <param name="Out">Where to write.</param>
/// <param name="Resume">Whether a run that is there goes on.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
/// <param name="Profile">Whether a trace of kernel times goes into the run folder.</param>
/// <param name="Tokenizer">A trained tokenizer, or null.</param>
/// <param name="DetectAnomaly">Whether to stop at the first primitive that writes a value that is not finite.</param>
internal sealed record PretrainOptions(
    Recipe Recipe,
    string Data,
    DeviceChoice Device,
    RunFolder Out,
    bool Resume,
    int? Threads,
    int MaxBadSamples,
    bool Profile = false,
    string? Tokenizer = null,
    bool DetectAnomaly = false)
{
    /// <summary>The processes that train together, or null for this one alone.</summary>
    public JoinedGroup? Group { get; init; }
}

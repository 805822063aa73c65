using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Commands;

/// <summary>What reconstruct was asked.</summary>
/// <param name="Checkpoint">A run folder, a checkpoint folder or a .safetensors file.</param>
/// <param name="Data">Which images.</param>
/// <param name="Images">How many images, one row each.</param>
/// <param name="Level">Level of noise from 1 to T; or null.</param>
/// <param name="Sigma">Noise in standard deviations of the latents, or null.</param>
/// <param name="Weights">Raw or averaged weights.</param>
/// <param name="Device">Where to compute.</param>
/// <param name="Out">Where to write.</param>
/// <param name="Seed">Seed of what is random here.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record ReconstructOptions(
    string Checkpoint,
    string Data,
    int Images,
    int? Level,
    double? Sigma,
    ProbeWeights Weights,
    DeviceChoice Device,
    RunFolder Out,
    ulong Seed,
    int? Threads,
    int MaxBadSamples);

using LDaeCore.Model.Encoders;

namespace LDaeCore.Runner.Commands;

/// <summary>What probe was asked.</summary>
/// <param name="Checkpoint">A run folder, a checkpoint folder or a .safetensors file.</param>
/// <param name="Data">Which images.</param>
/// <param name="Method">Which probe.</param>
/// <param name="Overrides">Assignments that go over the run's own recipe, each "key=value"; checked one by one.</param>
/// <param name="Known">What is known of a ViT from elsewhere.</param>
/// <param name="Device">Where to compute.</param>
/// <param name="Out">Where to write.</param>
/// <param name="Seed">Seed of what is random here.</param>
/// <param name="Seeds">How many seeds, that one and those after it.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record ProbeOptions(
    string Checkpoint,
    string Data,
    ProbeMethod Method,
    IReadOnlyList<string> Overrides,
    VitReadOptions Known,
    DeviceChoice Device,
    RunFolder Out,
    ulong Seed,
    int Seeds,
    int? Threads,
    int MaxBadSamples);

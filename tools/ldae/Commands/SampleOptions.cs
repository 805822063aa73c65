using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Commands;

/// <summary>What sample was asked.</summary>
/// <param name="Checkpoint">A run folder, a checkpoint folder or a .safetensors file.</param>
/// <param name="Images">How many images.</param>
/// <param name="Sampler">How a step is made.</param>
/// <param name="Steps">How many steps.</param>
/// <param name="Guidance">Weight of guidance without a classifier; 1 is none.</param>
/// <param name="Label">Class of every image; null goes through all of them.</param>
/// <param name="Weights">Raw or averaged weights.</param>
/// <param name="Device">Where to compute.</param>
/// <param name="Out">Where to write.</param>
/// <param name="Seed">Seed of the noise.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
internal sealed record SampleOptions(
    string Checkpoint,
    int Images,
    SamplerKind Sampler,
    int Steps,
    double Guidance,
    int? Label,
    ProbeWeights Weights,
    DeviceChoice Device,
    RunFolder Out,
    ulong Seed,
    int? Threads);

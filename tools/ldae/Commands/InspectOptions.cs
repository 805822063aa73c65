namespace LDaeCore.Runner.Commands;

/// <summary>What inspect was asked.</summary>
/// <param name="Path">A run, a checkpoint, a safetensors file, or a data set as --data takes it.</param>
internal sealed record InspectOptions(
    string Path);

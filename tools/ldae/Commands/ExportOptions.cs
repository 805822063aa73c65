using LDaeCore.Model.Encoders;

namespace LDaeCore.Runner.Commands;

/// <summary>What export was asked.</summary>
/// <param name="Checkpoint">A run folder, a checkpoint folder, a .safetensors file, or an imported encoder.</param>
/// <param name="Format">What is written.</param>
/// <param name="Overrides">Assignments of what is read of a run's encoder, each "key=value"; checked one by one.</param>
/// <param name="Known">What is known of an encoder from elsewhere.</param>
/// <param name="Out">Where to write.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
internal sealed record ExportOptions(string Checkpoint, ExportFormat Format, IReadOnlyList<string> Overrides, VitReadOptions Known, RunFolder Out, int? Threads);

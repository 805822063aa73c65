namespace LDaeCore.Engine.Checkpoints;

/// <summary>A complete checkpoint on disk.</summary>
/// <param name="Step">Optimizer steps done when it was written.</param>
/// <param name="Folder">Its folder.</param>
public sealed record Checkpoint(long Step, string Folder);

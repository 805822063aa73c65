namespace LDaeCore.Engine.Checkpoints;

/// <summary>A file of a checkpoint to be written.</summary>
/// <param name="Name">Plain file name, without folders.</param>
/// <param name="Write">Writes the file at the path it is given, and closes it.</param>
public sealed record CheckpointFile(string Name, Action<string> Write);

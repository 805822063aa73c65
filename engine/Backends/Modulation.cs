using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// Columns [<paramref name="Chunk"/> * C, (<paramref name="Chunk"/> + 1) * C) of a table [B, n * C] with one row an image:
/// a shift, scale or gate of adaptive layer normalisation, read where the linear layer that made them left it.
/// </summary>
/// <param name="Table">[B, n * C].</param>
/// <param name="Chunk">Which group of C columns.</param>
public readonly record struct Modulation(Tensor Table, int Chunk);

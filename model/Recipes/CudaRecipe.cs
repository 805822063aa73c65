namespace LDaeCore.Model.Recipes;

/// <summary>What only the CUDA device reads.</summary>
public sealed record CudaRecipe
{
    /// <summary>Whether matrix products are timed once per shape; off takes the library's first suggestion.</summary>
    public bool Autotune { get; init; } = true;
}

namespace LDaeCore.Model.Recipes;

/// <summary>How much noise the latents get.</summary>
public sealed record NoiseRecipe
{
    /// <summary>How noise grows with the level.</summary>
    public NoiseScheduleKind Schedule { get; init; }

    /// <summary>Levels T; t is drawn uniformly from 1 to T.</summary>
    public int Levels { get; init; } = 1000;

    /// <summary>Standard deviation of the noise: the largest of linearSigma (null: sqrt 2), the only one of single (null: sqrt 1/3). Not read by the other schedules.</summary>
    public double? Sigma { get; init; }

    /// <summary><see cref="Sigma"/>, or the schedule's own; null where the schedule reads none.</summary>
    public double? ResolvedSigma => Schedule switch
    {
        NoiseScheduleKind.LinearSigma => Sigma ?? Math.Sqrt(2),
        NoiseScheduleKind.Single => Sigma ?? Math.Sqrt(1.0 / 3),
        _ => Sigma,
    };
}

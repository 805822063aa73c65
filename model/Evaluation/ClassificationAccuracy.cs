namespace LDaeCore.Model.Evaluation;

/// <summary>How often the right class was first, and among the first five.</summary>
/// <param name="Top1">Percent.</param>
/// <param name="Top5">Percent.</param>
public readonly record struct ClassificationAccuracy(double Top1, double Top5);

namespace LDaeCore.Model.Recipes;

/// <summary>Which weights a probe reads.</summary>
public enum ProbeWeights
{
    /// <summary>The optimizer's.</summary>
    Raw,

    /// <summary>Their moving average.</summary>
    Ema,
}

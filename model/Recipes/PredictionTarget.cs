namespace LDaeCore.Model.Recipes;

/// <summary>What the network predicts.</summary>
public enum PredictionTarget
{
    /// <summary>The clean input.</summary>
    Clean,

    /// <summary>The noise that was added.</summary>
    Noise,
}

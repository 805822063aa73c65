namespace LDaeCore.Model.Recipes;

/// <summary>The shape of the transformer.</summary>
public sealed record NetworkRecipe
{
    /// <summary>Columns of a token.</summary>
    public int Width { get; init; } = 192;

    /// <summary>Blocks of encoder and decoder together.</summary>
    public int Depth { get; init; } = 12;

    /// <summary>Blocks of the encoder; 0 is half of the depth.</summary>
    public int EncoderDepth { get; init; }

    /// <summary>Attention heads; divides the width.</summary>
    public int Heads { get; init; } = 3;

    /// <summary>Hidden width of the MLPs over the width.</summary>
    public int MlpRatio { get; init; } = 4;

    /// <summary>How gates, modulations and final layer start.</summary>
    public GateInit GateInit { get; init; }

    /// <summary>The nonlinearity of the MLPs.</summary>
    public ActivationKind Activation { get; init; }

    /// <summary>Whether the backward pass computes a block's activations again instead of keeping them.</summary>
    public bool Recompute { get; init; }
}

/// <summary>The nonlinearity of the MLPs.</summary>
public enum ActivationKind
{
    /// <summary>GELU in its tanh form; everything we train.</summary>
    GeluTanh,

    /// <summary>GELU in its exact form; for imported models, refused for training.</summary>
    GeluErf,
}

/// <summary>How the gates, modulations and final layer start.</summary>
public enum GateInit
{
    /// <summary>adaLN-Zero: every block starts as the identity.</summary>
    Zero,

    /// <summary>Normal with standard deviation 0.2: for controls, gradient checks and comparisons of devices.</summary>
    Random,
}

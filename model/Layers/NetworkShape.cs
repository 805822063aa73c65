using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Layers;

/// <summary>Everything that decides the parameters of a <c>DenoisingTransformer</c> or a <c>VisionTransformer</c>.</summary>
public sealed record NetworkShape
{
    /// <summary>Columns of a token, C.</summary>
    public required int Width { get; init; }

    /// <summary>Blocks of encoder and decoder together.</summary>
    public required int Depth { get; init; }

    /// <summary>Blocks of the encoder; the features for transfer are the tokens after it.</summary>
    public required int EncoderDepth { get; init; }

    /// <summary>Attention heads; divides the width.</summary>
    public required int Heads { get; init; }

    /// <summary>Tokens along one side of the image.</summary>
    public required int Grid { get; init; }

    /// <summary>Values of an input token: pixels of a patch, or latents.</summary>
    public required int InputSize { get; init; }

    /// <summary>Values of a predicted token.</summary>
    public required int OutputSize { get; init; }

    /// <summary>Hidden width of the MLP over the width.</summary>
    public int MlpRatio { get; init; } = 4;

    /// <summary>Width of the conditioning on time and class, or 0 for none: a quarter of the width in the paper (a quarter of DiT's).</summary>
    public int TimeWidth { get; init; }

    /// <summary>Whether the conditioning tells the time step.</summary>
    public bool TellsTime { get; init; } = true;

    /// <summary>Columns of the labels that the conditioning tells, or 0: one a class, one for no class, and as many as make a multiple of 8.</summary>
    public int LabelColumns { get; init; }

    /// <summary>Standard deviation of the gates, modulations and final layer at the start; 0 is adaLN-Zero.</summary>
    public double GateStd { get; init; }

    /// <summary>Whether the backward pass computes a block's activations again instead of keeping them.</summary>
    public bool Recompute { get; init; }

    /// <summary>Whether a token that stands for the whole image goes before those of the patches.</summary>
    public bool ClassToken { get; init; }

    /// <summary>The nonlinearity of the MLPs.</summary>
    public ActivationKind Activation { get; init; }

    /// <summary>Tokens of one image.</summary>
    public int Tokens => (Grid * Grid) + (ClassToken ? 1 : 0);
}

using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// Group normalisation (Wu and He 2018) of images whose channels lie innermost. The C channels form G groups of neighbours; with mean
/// and biased variance over all pixels and channels of one group of one image,
/// y = (x - mean) / sqrt(var + 1e-6) * weight + bias, weight and bias by channel.
/// </summary>
/// <param name="X">[B, H, W, C].</param>
/// <param name="Groups">G; divides C.</param>
/// <param name="Weight">[C], of the parameter type.</param>
/// <param name="Bias">[C], of the parameter type.</param>
/// <param name="Y">[B, H, W, C].</param>
/// <param name="Mean">Saved [B, G], of the parameter type.</param>
/// <param name="Rstd">Saved 1 / sqrt(var + eps) [B, G], of the parameter type.</param>
public readonly record struct GroupNormArgs(Tensor X, int Groups, Tensor Weight, Tensor Bias, Tensor Y, Tensor Mean, Tensor Rstd)
{
    /// <summary>Images, B.</summary>
    public int Images => X.Shape[0];

    /// <summary>Pixels of an image.</summary>
    public int Pixels => X.Shape.Rows / Images;

    /// <summary>Channels, C.</summary>
    public int Channels => X.Shape.Columns;

    /// <summary>Channels of one group.</summary>
    public int GroupChannels => Channels / Groups;
}

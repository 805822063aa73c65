using System.Globalization;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Parameters;

namespace LDaeCore.Model.Networks;

/// <summary>
/// Learning rates of a pretrained ViT that fall from the last layer to the first (Clark et al. 2020; BEiT and MAE for ViTs): layer 0 is what comes before the
/// blocks, block i is layer i + 1, all else is layer depth + 1, and a layer's scale is rate^(depth + 1 - layer).
/// </summary>
/// <param name="Depth">Number of blocks.</param>
/// <param name="Rate">Factor from one layer to the one below, in (0, 1]; MAE has 0.65 for ViT-B and 0.75 for ViT-L.</param>
public sealed record LayerDecay(int Depth, double Rate)
{
    /// <summary>What the names of the ViT's parameters begin with, such as backbone.net. in a detector; other parameters are of layer depth + 1.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Parameters and modules of layer 0.</summary>
    public IReadOnlyList<string> First { get; init; } = ["cls_token", "pos_embed", "patch_embed"];

    /// <summary>The module whose children 0, 1, ... are the blocks.</summary>
    public string Blocks { get; init; } = "blocks";

    /// <summary>The layer that a parameter belongs to.</summary>
    /// <param name="name">Name of the parameter, as timm has it: blocks.0.attn.qkv.weight.</param>
    /// <returns>0 to depth + 1.</returns>
    /// <exception cref="ArgumentException">The name has a block beyond the depth.</exception>
    public int LayerOf(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return Depth + 1;
        }

        var path = name[Prefix.Length..].Split('.');
        if (First.Contains(path[0]))
        {
            return 0;
        }

        if (path.Length < 2 || path[0] != Blocks || !int.TryParse(path[1], NumberStyles.None, CultureInfo.InvariantCulture, out var block))
        {
            return Depth + 1;
        }

        return block < Depth ? block + 1 : throw new ArgumentException($"{name} is not of a network of {Depth} blocks.", nameof(name));
    }

    /// <summary>The factor of a parameter's learning rate.</summary>
    /// <param name="name">Name of the parameter.</param>
    /// <returns>The scale, 1 for layer depth + 1.</returns>
    public double ScaleOf(string name) => Math.Pow(Rate, Depth + 1 - LayerOf(name));

    /// <summary>Settings with their learning rates scaled by layer.</summary>
    /// <param name="settings">The settings without it, such as those of <see cref="ParameterSettings.DecayMatrices"/>.</param>
    /// <returns>The settings of each parameter.</returns>
    public Func<Parameter, ParameterSettings> Scale(Func<Parameter, ParameterSettings> settings) => parameter =>
    {
        var own = settings(parameter);
        return own with { RateScale = own.RateScale * ScaleOf(parameter.Name) };
    };
}

using System.Numerics;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>Sizes of a <see cref="ConvolutionalVae"/>.</summary>
public sealed record ConvolutionalVaeShape
{
    /// <summary>Latent pixels along each side of a token: two by two make one.</summary>
    public const int LatentPatch = TokenizerRecipe.LatentPatch;

    private const int MostGroups = 32;

    /// <summary>Side of a patch, p, in pixels: the part of the image that one token stands for. A power of two from 2.</summary>
    public required int PatchSize { get; init; }

    /// <summary>Numbers of a token, d: four times the channels of a latent pixel.</summary>
    public required int TokenSize { get; init; }

    /// <summary>Channels at the image's own resolution; twice that after the first halving, four times after all further ones.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Residual blocks of the encoder at each resolution; the decoder has as many.</summary>
    public int Blocks { get; init; } = 2;

    /// <summary>Groups of the normalisations; divides the width.</summary>
    public int Groups { get; init; } = MostGroups;

    /// <summary>
    /// Factor of the divergence, summed over an image's latents, beside the squared error, summed over its values. The paper gives none; this is
    /// latent diffusion's.
    /// </summary>
    public double DivergenceWeight { get; init; } = 1e-6;

    /// <summary>Pixels of the image along one side of a latent pixel: half the patch.</summary>
    public int Stride => PatchSize / LatentPatch;

    /// <summary>How often the encoder halves the image: 3 for patches of 16, 2 for 8, 1 for 4.</summary>
    public int Halvings => int.Log2(Stride);

    /// <summary>Channels of a latent pixel, d / 4.</summary>
    public int LatentChannels => TokenSize / (LatentPatch * LatentPatch);

    /// <summary>Numbers of a patch of the image, D.</summary>
    public int PatchValues => PatchSize * PatchSize * PatchPixels.Channels;

    /// <summary>The sizes of a recipe: 32 groups, as latent diffusion has, or as many as leave each two channels.</summary>
    /// <param name="recipe">Side of a patch, d, channels, blocks and weight of the divergence.</param>
    /// <returns>The sizes.</returns>
    public static ConvolutionalVaeShape Of(TokenizerRecipe recipe) => new()
    {
        PatchSize = recipe.Patch,
        TokenSize = recipe.Dim,
        Width = recipe.Channels,
        Blocks = recipe.Blocks,
        Groups = (int)BigInteger.GreatestCommonDivisor(MostGroups, recipe.Channels / 2),
        DivergenceWeight = recipe.KlWeight,
    };

    /// <summary>Channels after a number of halvings.</summary>
    /// <param name="halvings">From 0.</param>
    /// <returns>The channels.</returns>
    public int WidthAt(int halvings) => Width * Math.Min(4, 1 << halvings);

    /// <summary>Throws when no network has these sizes.</summary>
    public void Check()
    {
        if (PatchSize < LatentPatch || !int.IsPow2(PatchSize))
        {
            throw new ArgumentException($"A convolutional tokenizer halves the image again and again: patches of side {PatchSize} are not a power of two from {LatentPatch}.");
        }

        if (TokenSize < LatentPatch * LatentPatch || TokenSize % (LatentPatch * LatentPatch) != 0)
        {
            throw new ArgumentException($"Two by two latent pixels make a token: {TokenSize} numbers a token are not a multiple of {LatentPatch * LatentPatch}.");
        }

        if (Width < 1 || Groups < 1 || Width % Groups != 0 || Blocks < 1)
        {
            throw new ArgumentException($"{Width} channels in {Groups} groups and {Blocks} blocks a resolution are not a network; the groups divide the channels.");
        }
    }
}

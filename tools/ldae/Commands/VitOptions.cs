using System.CommandLine;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Commands;

/// <summary>Options for properties of a foreign ViT that its file does not have.</summary>
internal sealed class VitOptions
{
    public Option<string?> Pooling { get; } = SharedOptions.OneOf("--pooling", "Feature of a foreign ViT: its mean token or its class token", "mean", "cls");

    public Option<int?> Heads { get; } = SharedOptions.Whole(
        "--heads", "Attention heads of a foreign ViT; one for 64 columns when its config.json does not say either.", 1);

    public Option<int?> ImageSize { get; } = SharedOptions.Whole("--image-size", "Side of an image, for a foreign ViT without positions in its file.", 1);

    public Option<string?> Activation { get; } = SharedOptions.OneOf(
        "--activation", "Nonlinearity of a foreign ViT; gelu_erf unless its config.json says", "gelu_erf", "gelu_tanh");

    public Option<string?> Range { get; } = SharedOptions.OneOf(
        "--range", "Values of pixels for a foreign ViT: imagenet (its mean and deviation) unless its config.json says, or symmetric (-1 to 1)", "imagenet", "symmetric");

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [Pooling, Heads, ImageSize, Activation, Range];

    /// <summary>The given options; null for those that the command does not have.</summary>
    public VitReadOptions Known(ParseResult parse) => new()
    {
        Pooling = parse.GetResult(Pooling) is null ? null : parse.GetValue(Pooling) switch { "mean" => FeaturePooling.Mean, "cls" => FeaturePooling.Cls, _ => null },
        Heads = parse.GetResult(Heads) is null ? null : parse.GetValue(Heads),
        ImageSize = parse.GetResult(ImageSize) is null ? null : parse.GetValue(ImageSize),
        Activation = parse.GetResult(Activation) is null
            ? null
            : parse.GetValue(Activation) switch { "gelu_erf" => ActivationKind.GeluErf, "gelu_tanh" => ActivationKind.GeluTanh, _ => null },
        Range = parse.GetResult(Range) is null
            ? null
            : parse.GetValue(Range) switch { "imagenet" => PixelRange.ImageNet, "symmetric" => PixelRange.Symmetric, _ => null },
    };
}

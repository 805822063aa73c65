using LDaeCore.Model.Encoders;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner;

/// <summary>A ViT's configuration in the words of result objects.</summary>
internal static class EncoderWords
{
    public static CommandResult Add(CommandResult result, VitConfiguration vit) => result
        .Add("image_size", vit.ImageSize)
        .Add("patch", vit.Patch)
        .Add("width", vit.Width)
        .Add("depth", vit.Depth)
        .Add("heads", vit.Heads)
        .Add("class_token", vit.ClassToken)
        .Add("activation", vit.Activation == ActivationKind.GeluErf ? "gelu_erf" : "gelu_tanh")
        .Add("pooling", vit.Pooling == FeaturePooling.Cls ? "cls" : "mean");
}

using System.Globalization;
using System.Text.RegularExpressions;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner;

/// <summary>Texts of numbers, durations and command lines.</summary>
internal static partial class Wording
{
    /// <summary>"1 image", "2 images".</summary>
    public static string Count(long number, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {(number == 1 ? one : many ?? one + "s")}");

    /// <summary>"0.8 s", "85 s", "12 min 5 s", "3 h 20 min".</summary>
    public static string Duration(double seconds) => seconds switch
    {
        < 10 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F1} s"),
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{(int)seconds / 60} min {(int)seconds % 60} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)(seconds / 3600)} h {(int)(seconds / 60) % 60} min"),
    };

    /// <summary>A command line of the program, quoted for a shell.</summary>
    public static string CommandLine(IEnumerable<string> arguments) =>
        string.Join(' ', arguments.Select(word => Plain().IsMatch(word) ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'").Prepend("ldae"))
            .ReplaceLineEndings(" ");

    [GeneratedRegex(@"^[\w\-./:=,+@%]+$")]
    private static partial Regex Plain();
}

/// <summary>A ViT's configuration as fields of a result object.</summary>
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

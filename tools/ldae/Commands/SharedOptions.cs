using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner.Commands;

/// <summary>The options that several commands share.</summary>
internal static class SharedOptions
{
    /// <summary>Enough for the few broken files of a large data set, too few for a data set that is broken.</summary>
    public const int DefaultMaxBadSamples = 100;

    private const string DataNames = "synthetic, synthetic:COUNT, cifar10:DIR, cifar100:DIR, folder:DIR, tar:GLOB or parquet:GLOB";

    public static Option<string> Device()
    {
        var option = new Option<string>("--device")
        {
            Description = $"Where to compute: {DeviceChoice.Allowed}.",
            HelpName = "DEVICE",
            DefaultValueFactory = _ => "auto",
        };
        option.CompletionSources.Add("auto", "cpu", "cuda", "emulated", "reference");
        return option;
    }

    public static Option<string?> Out() => new("--out")
    {
        Description = "Folder to write to; runs/<command>-<time> when left out.",
        HelpName = "DIR",
    };

    public static Option<bool> Resume() => new("--resume") { Description = "Continue the run in --out from its last checkpoint." };

    public static Option<string?> Data()
    {
        var option = new Option<string?>("--data") { Description = $"Images: {DataNames}.", HelpName = "DATA" };
        option.CompletionSources.Add("synthetic", "cifar10:", "cifar100:", "folder:", "tar:", "parquet:");
        return option;
    }

    public static Option<string> RequiredCheckpoint() => new("--checkpoint")
    {
        Description = "A run folder, a checkpoint folder or a .safetensors file.",
        HelpName = "PATH",
        Required = true,
    };

    public static Option<string?> Preset()
    {
        var option = new Option<string?>("--preset") { Description = "A recipe by name.", HelpName = "NAME" };
        option.CompletionSources.Add([.. Presets.Names]);
        return option;
    }

    public static Option<string?> Config() => new("--config")
    {
        Description = "A recipe from a JSON file (comments allowed; \"preset\" names the preset that it changes).",
        HelpName = "FILE",
    };

    public static Option<string[]> Set()
    {
        var option = new Option<string[]>("--set")
        {
            Description = "Another value for a field of the recipe; may be repeated.",
            HelpName = "KEY=VALUE",
            DefaultValueFactory = _ => [],
        };
        option.CompletionSources.Add(context => Assignments(context.WordToComplete).Select(found => new CompletionItem(found)));
        return option;
    }

    public static Option<ulong?> Seed() => Whole<ulong>("--seed", "Seed of all randomness; the recipe's train.seed when left out.", 0);

    /// <summary>The seed of a command that evaluates a trained run; the run's own seed does not change.</summary>
    public static Option<ulong?> Seed(string what) => Whole<ulong>("--seed", $"Seed of {what}; 0 when left out.", 0);

    public static Option<int?> Threads() => Whole("--threads", "Threads to compute with, at most one a core; every core when left out.", 1);

    public static Option<bool> Profile() => new("--profile")
    {
        Description = $"Write a trace of times to {RunFiles.Trace} in the run folder, for chrome://tracing or ui.perfetto.dev; on a GPU each kernel is timed by "
            + $"events.",
    };

    public static Option<bool> DetectAnomaly() => new("--detect-anomaly")
    {
        Description = "Check all results and stop at the first primitive that writes a value that is not finite; several times slower.",
    };

    public static Option<int?> Keep() => Whole("--keep", "Checkpoints to keep, as --set train.keep=N; the best by train.knnEvery is kept in addition.", 1);

    public static Option<string?> Tokenizer() => new("--tokenizer")
    {
        Description = "A trained tokenizer: the folder that ldae tokenizer train wrote to. A recipe whose tokenizer is trained trains its own when left out.",
        HelpName = "PATH",
    };

    public static Option<int?> MaxBadSamples() => Whole("--max-bad-samples", $"Unreadable images to skip before giving up; {DefaultMaxBadSamples} when left out.", 0);

    /// <summary>An option that takes a whole number of at least a minimum.</summary>
    public static Option<T?> Whole<T>(string name, string description, T min)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> => new(name)
        {
            Description = description,
            HelpName = "N",
            CustomParser = argument =>
            {
                var text = argument.Tokens[0].Value;
                if (T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min)
                {
                    return value;
                }

                argument.AddError($"{name} {text} is not allowed: it takes a whole number from {min} to {T.MaxValue}.");
                return null;
            },
        };

    /// <summary>An option that takes one of several words.</summary>
    public static Option<string?> OneOf(string name, string description, params string[] allowed)
    {
        var option = new Option<string?>(name)
        {
            Description = $"{description}: {string.Join(", ", allowed)}.",
            HelpName = string.Join('|', allowed),
            CustomParser = argument => Checked(argument, name, allowed),
        };
        option.CompletionSources.Add(allowed);
        return option;
    }

    /// <summary>Completions of a word: fields with "=", then the values of a field that has a list of them.</summary>
    private static IEnumerable<string> Assignments(string word)
    {
        if (RecipeFields.All.FirstOrDefault(field => word.StartsWith(field.Name + "=", StringComparison.Ordinal)) is not { } field)
        {
            return RecipeFields.All.Select(all => all.Name + "=");
        }

        var isSwitch = field.Choices.Count == 0 && field.Range is null;
        return (isSwitch ? ["true", "false"] : field.Choices).Select(value => $"{field.Name}={value}");
    }

    /// <summary>The given options as assignments, each checked against its field's range.</summary>
    public static string[] Assignments(params (string Field, object? Value)[] values)
    {
        string[] assignments = [.. values.Where(value => value.Value is not null).Select(value => $"{value.Field}={value.Value}")];
        RecipeFields.Apply(new Recipe(), assignments);
        return assignments;
    }

    /// <summary>The error of a command that needs images and has none.</summary>
    public static LdaeException NoData() => new(
        ErrorKind.Configuration,
        "No images are given.",
        $"Add --data: {DataNames}.");

    private static string? Checked(ArgumentResult argument, string name, string[] allowed)
    {
        var text = argument.Tokens[0].Value;
        if (!allowed.Contains(text, StringComparer.Ordinal))
        {
            argument.AddError($"{name} {text} is not allowed: it takes one of {string.Join(", ", allowed)}.");
        }

        return text;
    }
}

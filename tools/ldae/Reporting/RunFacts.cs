using System.Globalization;
using System.Text.Json;

namespace LDaeCore.Runner.Reporting;

/// <summary>The first lines of a page: what was run, on which device, for how long.</summary>
internal static class RunFacts
{
    private static readonly (string Name, string Title, Func<double, string> Show)[] Numbers =
    [
        ("steps", "optimizer steps", value => value.ToString("N0", CultureInfo.InvariantCulture)),
        ("loss", "last loss", value => RunReport.Number(value, "G4")),
        ("top1", "linear probe, top-1", Percent),
        ("random_top1", "random encoder", Percent),
        ("pixels_top1", "raw pixels", Percent),
        ("knn_top1", "nearest neighbours", Percent),
        ("psnr_noised", "PSNR noised", Decibel),
        ("psnr_output", "PSNR denoised", Decibel),
        ("psnr", "PSNR reconstructed", Decibel),
        ("images_per_second", "images a second", value => RunReport.Number(value, "G4")),
        ("peak_memory_bytes", "peak memory", value => $"{RunReport.Number(value / 1e6, "N0")} MB"),
        ("seconds", "time", Wording.Duration),
    ];

    /// <summary>Names and values.</summary>
    /// <param name="contents">The folder.</param>
    public static IEnumerable<(string Name, string Value)> Of(RunContents contents)
    {
        foreach (var name in (string[])["command", "checkpoint"])
        {
            if (contents.Main is { } main && main.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String)
            {
                yield return (name, value.ToString());
            }
        }

        if (contents.Data is { } data)
        {
            yield return ("images", data);
        }

        if (contents.Main is { } found && found.TryGetProperty("device", out var device))
        {
            yield return ("device", device.ToString());
        }

        foreach (var (name, title, show) in Numbers)
        {
            if (Value(contents, name) is { } value)
            {
                yield return (title, show(value));
            }
        }
    }

    /// <summary>The names of the numbers and how they are shown, in the order of <see cref="Of"/>.</summary>
    public static IReadOnlyList<(string Name, string Title, Func<double, string> Show)> All => Numbers;

    /// <summary>
    /// A number of a folder: of the last command, or of the last line of the metrics while a run has none. The time is that of the training.
    /// Accuracies of nearest neighbours and of a head are not those of linear probes.
    /// </summary>
    public static double? Value(RunContents contents, string name)
    {
        var main = contents.Main is { } found ? RunContents.Number(found, name) : null;
        var training = name is "steps" or "seconds" or "loss" or "images_per_second" or "peak_memory_bytes";
        var last = name == "steps" ? contents.Metrics.Last("step") : contents.Metrics.Last(name);
        var probed = name is "top1" or "random_top1" or "pixels_top1";
        return training
            ? main ?? last
            : contents.Results.Where(result => !(probed && IsOther(result.Values)))
                .Select(result => RunContents.Number(result.Values, name))
                .LastOrDefault(value => value is not null)
            ?? last;
    }

    /// <summary>The caption of a probe's bars.</summary>
    public static string OfProbe(JsonElement values)
    {
        if (values.TryGetProperty("method", out var named) && named.ToString() == "head")
        {
            return "Test images whose class the network's own head names, percent (top-1).";
        }

        var method = IsNearest(values) ? "weighted nearest neighbours" : "a linear classifier";
        return values.TryGetProperty("random_top1", out _)
            ? $"Test images whose class {method} finds, percent (top-1): from the trained encoder's features, from those of the same network before any training, and from the "
                + $"pixels themselves."
            : $"Test images whose class {method} finds from the encoder's features, percent (top-1).";
    }

    /// <summary>Whether an accuracy is not a linear probe's.</summary>
    private static bool IsOther(JsonElement values) => values.TryGetProperty("method", out var method) && method.ToString() is "knn" or "head";

    private static bool IsNearest(JsonElement values) => values.TryGetProperty("method", out var method) && method.ToString() == "knn";

    private static string Percent(double value) => $"{RunReport.Number(value, "F2")} %";

    private static string Decibel(double value) => $"{RunReport.Number(value, "F2")} dB";
}

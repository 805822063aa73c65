using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Journey;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner.Journeys;

/// <summary>The folder of a journey: a run folder for each recipe and seed, <c>NAME/seed-S</c>, and what all of them came to.</summary>
/// <param name="Path">Its path; it may not exist yet.</param>
internal sealed record JourneyFolder(string Path)
{
    private const string SeedPrefix = "seed-", Settings = "journey.json";

    /// <summary>What the journey was started with; its presence makes a folder a journey.</summary>
    public string SettingsPath => System.IO.Path.Combine(Path, Settings);

    /// <summary>The table, for people who read Markdown.</summary>
    public string TablePath => System.IO.Path.Combine(Path, "journey.md");

    /// <summary>The plot of the steps.</summary>
    public string PlotPath => System.IO.Path.Combine(Path, "journey.svg");

    /// <summary>The page with table and plots.</summary>
    public string ReportPath => System.IO.Path.Combine(Path, RunFiles.Report);

    /// <summary>The folder of <c>--out</c>, which may hold a journey to go on with, or a new one.</summary>
    /// <exception cref="LdaeException">Configuration: something else is there.</exception>
    public static JourneyFolder Choose(string? path, TimeProvider time) => path is not null && File.Exists(new JourneyFolder(path).SettingsPath)
        ? new JourneyFolder(path)
        : new JourneyFolder(RunFolder.Choose(Commands.JourneyCommand.Name, path, resume: false, time).Path);

    /// <summary>The run folder of an entry.</summary>
    public RunFolder RunOf(JourneyEntry entry, ulong seed)
    {
        var run = PathOf(entry, seed);
        return new RunFolder(run, File.Exists(System.IO.Path.Combine(run, RunFiles.Config)) || Directory.Exists(System.IO.Path.Combine(run, RunFiles.Checkpoints)));
    }

    /// <summary>The accuracy of an entry, percent; null when it was not measured.</summary>
    public double? Top1(JourneyEntry entry, ulong seed) => CommandResult.ReadNumber(PathOf(entry, seed), entry.Probe, "top1");

    /// <summary>The accuracies of an entry over the seeds that were measured, in the seeds' order; null when there are none.</summary>
    public SeedAccuracies? Found(JourneyEntry entry) =>
        Seeds(entry).Select(seed => Top1(entry, seed)).OfType<double>().ToArray() is { Length: > 0 } all ? new SeedAccuracies(all) : null;

    /// <summary>By how much the loss of an entry fell at least, over its seeds; percent, null when nothing was trained.</summary>
    public double? LossFell(JourneyEntry entry) =>
        Seeds(entry).Select(seed => LossFall.Percent(MetricsLog.ReadLosses(System.IO.Path.Combine(PathOf(entry, seed), RunFiles.Metrics)))).Min();

    /// <summary>The tokenizer that a run of this journey trained on the same images with the same fields; null when none has yet.</summary>
    public string? TokenizerOf(Recipe recipe)
    {
        if (!recipe.Tokenizer.IsTrained || !Directory.Exists(Path))
        {
            return null;
        }

        var fields = RecipeFields.All.Where(field => field.Group is "tokenizer" or "data" || field.Name == "train.seed").ToArray();
        return Directory.EnumerateFiles(Path, FittedTokenizer.FileName, SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .FirstOrDefault(file => FittedTokenizer.Load(file).Recipe is var its && fields.All(field => field.Get(its) == field.Get(recipe)));
    }

    private string PathOf(JourneyEntry entry, ulong seed) =>
        System.IO.Path.Combine(Path, entry.Run, SeedPrefix + seed.ToString(CultureInfo.InvariantCulture));

    private ulong[] Seeds(JourneyEntry entry)
    {
        var folder = System.IO.Path.Combine(Path, entry.Run);
        return Directory.Exists(folder)
            ? [.. Directory.GetDirectories(folder, SeedPrefix + "*").Select(System.IO.Path.GetFileName)
                .Select(name => ulong.TryParse(name.AsSpan(SeedPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed : (ulong?)null)
                .OfType<ulong>().Order()]
            : [];
    }
}

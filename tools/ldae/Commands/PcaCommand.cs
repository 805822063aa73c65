using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae pca</c>: fits the tokenizer and shows its eigenvalues, the energy kept and the filters.</summary>
internal static class PcaCommand
{
    public const string Name = "pca";

    public static RunnerCommand Create(RunnerHost host)
    {
        var (preset, config, set, seed) = (SharedOptions.Preset(), SharedOptions.Config(), SharedOptions.Set(), SharedOptions.Seed());
        var (data, device, @out) = (SharedOptions.Data(), SharedOptions.Device(), SharedOptions.Out());
        var (threads, bad) = (SharedOptions.Threads(), SharedOptions.MaxBadSamples());
        var command = new RunnerCommand(
            Name,
            "Fits the tokenizer and shows its eigenvalues, the energy kept and the filters.",
            "--preset cifar-tiny --data cifar10:DIR",
            "--preset natural64 --data folder:DIR --set tokenizer.patch=16")
        {
            ListsFields = true,
        };
        foreach (var option in new Option[] { preset, config, data, device, @out, set, seed, threads, bad })
        {
            command.Add(option);
        }

        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            var chosen = DeviceChoice.Resolve(parse.GetRequiredValue(device));
            var source = new RecipeSource(parse.GetValue(preset), parse.GetValue(config), parse.GetRequiredValue(set), parse.GetValue(seed));
            var folder = RunFolder.Choose(Name, parse.GetValue(@out), resume: false, context.Time);
            var recipe = source.Load(null, chosen);
            var images = parse.GetValue(data) ?? throw SharedOptions.NoData();
            var skipped = parse.GetValue(bad) ?? SharedOptions.DefaultMaxBadSamples;
            return Run(new PcaOptions(recipe, images, chosen, folder, parse.GetValue(threads), skipped), context);
        }));
        return command;
    }

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(PcaOptions options, RunnerContext context)
    {
        var start = Stopwatch.GetTimestamp();
        var recipe = options.Recipe;
        var source = ImageSourceFactory.Open(options.Data, train: true, recipe.Data.ImageSize, recipe.Train.Seed, recipe.Data.ShardMegabytes);
        options.Out.Create();
        using var log = new RunLog(context.Output, options.Out.Path);
        var bad = new BadSamples(options.MaxBadSamples, log.Line);
        var all = Enumerable.Range(0, source.Count).ToArray();
        var pca = PatchSample.Fit(recipe, source, all, MachineFacts.Threads(options.Threads), bad, cancellation: context.Cancellation);
        var dim = recipe.Tokenizer.Dim > 0 ? recipe.Tokenizer.Dim : pca.DefaultDimension();
        log.Line($"{pca.PatchSize} x {pca.PatchSize} patches of {source.Name}: {dim} of {pca.Dimensions} components by default");
        foreach (var d in Counts(pca.Dimensions, dim))
        {
            log.Line(string.Create(CultureInfo.InvariantCulture, $"  d {d,4}: eigenvalue {pca.Eigenvalues[d - 1],12:G5}, energy kept {100 * pca.KeptEnergy(d),7:F3} %"));
        }

        var pictures = Path.Combine(options.Out.Path, RunFiles.Pictures);
        Directory.CreateDirectory(pictures);
        File.WriteAllBytes(Path.Combine(pictures, "principal-components.png"), Pictures.Components(pca, Math.Min(pca.Dimensions, 64)));
        SafetensorsWriter.Write(Path.Combine(options.Out.Path, "pca.safetensors"), pca.ToTensors());
        var result = new CommandResult()
            .Add("command", Name)
            .Add("run", options.Out.Path)
            .Add("patch", pca.PatchSize)
            .Add("dim", dim)
            .Add("kept_energy", pca.KeptEnergy(dim))
            .Add("total_variance", pca.Eigenvalues.Sum())
            .Add("eigenvalues", writer =>
            {
                writer.WriteStartArray();
                Array.ForEach(pca.Eigenvalues, writer.WriteNumberValue);
                writer.WriteEndArray();
            })
            .Add("bad_samples", bad.Count)
            .Add("seconds", Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 2));
        result.Save(options.Out.Path, Name);
        RunReport.Write(options.Out.Path, $"Principal components of {source.Name}");
        return result;
    }

    /// <summary>Powers of two, the default, and all.</summary>
    private static SortedSet<int> Counts(int dimensions, int dim)
    {
        var counts = new SortedSet<int> { dim, dimensions };
        for (var d = 1; d < dimensions; d *= 2)
        {
            counts.Add(d);
        }

        return counts;
    }
}

/// <summary>Options of pca.</summary>
/// <param name="Recipe">The recipe, resolved and checked.</param>
/// <param name="Data">The data set.</param>
/// <param name="Device">The device.</param>
/// <param name="Out">The output folder.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record PcaOptions(
    Recipe Recipe,
    string Data,
    DeviceChoice Device,
    RunFolder Out,
    int? Threads,
    int MaxBadSamples);

using System.Diagnostics;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Journey;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Runner.Commands;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Journeys;

/// <summary>Trains and probes the entries of a journey one after the other; what is finished is left alone, what was cut short goes on.</summary>
/// <param name="options">What was asked.</param>
/// <param name="context">Output and interruption.</param>
internal sealed class JourneyWork(JourneyOptions options, RunnerContext context)
{
    private readonly HashSet<string> _trained = new(StringComparer.Ordinal);

    /// <summary>Why entries have no accuracy, by the name of their run: their recipes were refused, or their runs failed.</summary>
    public Dictionary<string, LdaeException> Stopped { get; } = new(StringComparer.Ordinal);

    /// <summary>Every entry with every seed: all entries from the first seed, then from the next.</summary>
    /// <param name="entries">What to measure.</param>
    /// <param name="onDone">Told when an entry has been measured.</param>
    /// <returns>False when it was asked to stop before the end.</returns>
    public bool Run(IReadOnlyList<JourneyEntry> entries, Action onDone)
    {
        foreach (var seed in Enumerable.Range(0, options.Seeds).Select(i => options.Settings.Seed + (ulong)i))
        {
            for (var i = 0; i < entries.Count; i++)
            {
                if (context.Cancellation.IsCancellationRequested)
                {
                    return false;
                }

                if (Stopped.ContainsKey(entries[i].Run))
                {
                    continue;
                }

                var name = $"{entries[i].Run}{(entries[i].Probe == "probe" ? "" : $", {entries[i].Probe}")}, seed {seed}";
                context.Output.Line($"[{i + 1} of {entries.Count}] {name}");
                try
                {
                    if (!Measure(entries[i], seed))
                    {
                        return false;
                    }

                    onDone();
                }
                catch (LdaeException error) when (error.Kind == ErrorKind.Run)
                {
                    // A run that failed is a result of the journey; the steps after it do not need it.
                    Stop(entries[i], error);
                }
            }
        }

        return true;
    }

    /// <summary>Trains what is not trained and probes.</summary>
    /// <returns>False when it was asked to stop.</returns>
    private bool Measure(JourneyEntry entry, ulong seed)
    {
        var folder = options.Out.RunOf(entry, seed);
        if (options.Out.Top1(entry, seed) is { } top1)
        {
            context.Output.Line($"  finished before: top-1 {RunReport.Number(top1, "F2")} %");
            return true;
        }

        if (Recipe(entry, seed) is not { } recipe)
        {
            return true;
        }

        if (!_trained.Contains(folder.Path))
        {
            if (folder.HoldsRun)
            {
                new ResumedRun(folder).Require(recipe);
            }

            // Steps that differ in other things than their tokenizer share it, so that nothing else can make them differ.
            var tokenizer = folder.HoldsRun ? null : options.Out.TokenizerOf(recipe);
            var done = PretrainCommand.Run(
                new PretrainOptions(recipe, options.Settings.Data, options.Device, folder, folder.HoldsRun, options.Threads, options.MaxBadSamples, Tokenizer: tokenizer), context);
            if (done.ExitCode != ExitCodes.Done)
            {
                return false;
            }

            _trained.Add(folder.Path);
        }

        Probe(entry, recipe, folder);
        return true;
    }

    /// <summary>The recipe for the device; null when it is refused.</summary>
    private Recipe? Recipe(JourneyEntry entry, ulong seed)
    {
        try
        {
            return new RecipeSource(null, null, [], seed).Load(entry.Recipe, options.Device);
        }
        catch (LdaeException error) when (error.Kind == ErrorKind.Configuration)
        {
            Stop(entry, error);
            return null;
        }
    }

    private void Probe(JourneyEntry entry, Recipe recipe, RunFolder folder)
    {
        var start = Stopwatch.GetTimestamp();
        using var backend = options.Device.Open(options.Threads, recipe, run: folder);
        using var model = MethodCatalog.Load(folder.Path, backend, recipe.Probe.Weights);
        using var encoder = model.Encoder(recipe.Probe);
        using var exact = options.Device.OpenInFloat32(backend);
        using var log = new RunLog(context.Output, folder.Path);
        IImageSource Images(bool train) => ImageSourceFactory.Open(options.Settings.Data, train, recipe.Data.ImageSize, recipe.Train.Seed, recipe.Data.ShardMegabytes);
        var comparison = new EncoderComparison(encoder, Images(train: true), Images(train: false), recipe.Data.HoldOut, recipe.Train.Seed)
        {
            Workers = MachineFacts.Threads(options.Threads),
            Bad = new BadSamples(options.MaxBadSamples, log.Line),
            Cancellation = context.Cancellation,
        };
        var result = new CommandResult()
            .Add("command", ProbeCommand.Name)
            .Add("run", folder.Path)
            .Add("device", options.Device.Name)
            .Add("block", recipe.Probe.Block)
            .Add("time", recipe.Probe.Time)
            .Add("input", RecipeFields.Get("probe.input").Get(recipe))
            .Add("seed", (long)recipe.Train.Seed);
        ProbeWork.RunEncoder(result, comparison, exact ?? backend, recipe.Train.Seed, folder.Path, log.Line)
            .Add("seconds", Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 2));
        result.Save(folder.Path, entry.Probe);
        RunReport.Write(folder.Path, $"The journey: {entry.Run}");
    }

    private void Stop(JourneyEntry entry, LdaeException why)
    {
        context.Output.Line($"  {(why.Kind == ErrorKind.Run ? "failed" : "refused")}: {why.Message}");
        Stopped[entry.Run] = why;
    }
}

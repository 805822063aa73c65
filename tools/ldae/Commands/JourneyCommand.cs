using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Journey;
using LDaeCore.Runner.Journeys;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae journey</c>: trains and probes every step from DiT to l-DAE and compares the accuracies with the paper's.</summary>
internal static class JourneyCommand
{
    public const string Name = "journey";

    public static RunnerCommand Create(RunnerHost host)
    {
        var preset = SharedOptions.OneOf("--preset", "The size; a resumed journey keeps its own", [.. JourneyPresets.Names]);
        var steps = new Option<string?>("--steps") { Description = $"The steps: {StepList.Allowed}; all of them when neither this nor --sweep is given.", HelpName = "LIST" };
        var sweep = new Option<string[]>("--sweep")
        {
            Description = $"A table or figure of the paper, may be repeated: {string.Join(", ", JourneySweeps.Names)}.",
            HelpName = "NAME",
            DefaultValueFactory = _ => [],
        };
        sweep.CompletionSources.Add([.. JourneySweeps.Names]);
        var seeds = SharedOptions.Whole("--seeds", "Trains and probes from that many seeds, --seed and those after it; one when left out.", 1);
        var epochs = Epochs();
        var (data, device, @out, set) = (SharedOptions.Data(), SharedOptions.Device(), SharedOptions.Out(), SharedOptions.Set());
        var (seed, threads, bad) = (SharedOptions.Seed("the first run of each step"), SharedOptions.Threads(), SharedOptions.MaxBadSamples());
        var command = new RunnerCommand(
            Name,
            "Trains and probes every step from DiT to l-DAE and compares the accuracies with the paper's; finished steps are skipped.",
            "--preset tiny --out runs/tiny-journey",
            "--preset cifar-tiny --data cifar10:DIR --epochs 3 --steps 1,2,4,patch-pca,7,9 --out runs/journey",
            "--out runs/journey --sweep d --seeds 2",
            "--out runs/journey --sweep time --sweep block");
        foreach (var option in new Option[] { preset, steps, sweep, seeds, epochs, data, device, @out, set, seed, threads, bad })
        {
            command.Add(option);
        }

        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            var names = parse.GetRequiredValue(sweep);
            var asked = parse.GetValue(steps) is { } list ? StepList.Parse(list) : names.Length == 0 ? JourneySteps.All : [];
            var folder = JourneyFolder.Choose(parse.GetValue(@out), context.Time);
            var settings = JourneySettings.Of(folder, parse.GetValue(preset), parse.GetValue(data), parse.GetValue(epochs), parse.GetValue(seed), parse.GetRequiredValue(set));
            var size = settings.Resolve();
            return Run(
                new JourneyOptions(
                    size,
                    settings,
                    asked,
                    [.. names.Distinct().Select(name => JourneySweeps.Get(name, size))],
                    parse.GetValue(seeds) ?? 1,
                    DeviceChoice.Resolve(parse.GetRequiredValue(device)),
                    folder,
                    parse.GetValue(threads),
                    parse.GetValue(bad) ?? SharedOptions.DefaultMaxBadSamples),
                context);
        }));
        return command;
    }

    /// <summary>Runs the command.</summary>
    public static CommandResult Run(JourneyOptions options, RunnerContext context)
    {
        var start = Stopwatch.GetTimestamp();
        new RunFolder(options.Out.Path, HoldsRun: false).Create();
        options.Settings.Write(options.Out.SettingsPath);
        var entries = options.Steps.Select(step => JourneyEntry.Of(step, options.Preset))
            .Concat(options.Sweeps.SelectMany(sweep => sweep.Points.Select(point => point.Entry)))
            .DistinctBy(entry => (entry.Run, entry.Probe)).ToArray();
        var work = new JourneyWork(options, context);
        bool ended;
        try
        {
            ended = work.Run(entries, () => Write(options, work));
        }
        catch (OperationCanceledException) when (context.Cancellation.IsCancellationRequested)
        {
            ended = false;
        }

        var found = Write(options, work);
        var stopped = work.Stopped.Values;
        if (entries.All(entry => work.Stopped.ContainsKey(entry.Run)))
        {
            // No step can be made: the first reason is the command's error.
            throw stopped.First();
        }

        foreach (var line in JourneyReport.Lines(found).Append($"{(ended ? "Done" : "Stopped; the same command continues")}: {options.Out.ReportPath}"))
        {
            context.Output.Line(line);
        }

        var result = new CommandResult { ExitCode = ExitCode(ended, stopped) }
            .Add("command", Name)
            .Add("run", options.Out.Path)
            .Add("device", options.Device.Name);
        found.Add(options.Settings.Add(result))
            .Add("table", options.Out.TablePath)
            .Add("report", options.Out.ReportPath)
            .Add("seconds", Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 2));
        result.Save(options.Out.Path, Name);
        return result;
    }

    private static int ExitCode(bool ended, IEnumerable<LdaeException> stopped) =>
        !ended ? ExitCodes.Interrupted : stopped.Any(why => why.Kind == ErrorKind.Run) ? ExitCodes.Failed : ExitCodes.Done;

    private static JourneyFindings Write(JourneyOptions options, JourneyWork work)
    {
        var found = JourneyFindings.Read(options, work.Stopped);
        JourneyReport.Write(options, found);
        return found;
    }

    private static Option<double?> Epochs() => new("--epochs")
    {
        Description = "Passes over the training images of every step; the preset's when left out.",
        HelpName = "NUMBER",
        CustomParser = argument =>
        {
            var text = argument.Tokens[0].Value;
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value > 0 && double.IsFinite(value))
            {
                return value;
            }

            argument.AddError($"--epochs {text} is not allowed: it takes a number above 0.");
            return null;
        },
    };
}

/// <summary>Options of journey.</summary>
/// <param name="Preset">The size, with all settings.</param>
/// <param name="Settings">The settings that the journey in the folder was started with.</param>
/// <param name="Steps">The steps to make, in order.</param>
/// <param name="Sweeps">The sweeps to make.</param>
/// <param name="Seeds">Number of seeds, from the settings' seed.</param>
/// <param name="Device">The device.</param>
/// <param name="Out">The output folder.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record JourneyOptions(
    JourneyPreset Preset,
    JourneySettings Settings,
    IReadOnlyList<JourneyStep> Steps,
    IReadOnlyList<JourneySweep> Sweeps,
    int Seeds,
    DeviceChoice Device,
    JourneyFolder Out,
    int? Threads,
    int MaxBadSamples);

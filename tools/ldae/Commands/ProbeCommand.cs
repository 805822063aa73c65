using System.Diagnostics;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Training;
using LDaeCore.Runner.Reporting;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae probe</c>: evaluates an encoder by a linear classifier or nearest neighbours on its features.</summary>
internal static class ProbeCommand
{
    public const string Name = "probe";

    /// <summary>Names of the last result of each method in a run that was probed.</summary>
    public const string LastProbe = "last-probe", LastNeighbours = "last-probe-knn", LastHead = "last-probe-head";

    public static RunnerCommand Create(RunnerHost host)
    {
        var (checkpoint, data, device, @out) = (SharedOptions.RequiredCheckpoint(), SharedOptions.Data(), SharedOptions.Device(), SharedOptions.Out());
        var (seed, threads, bad) = (SharedOptions.Seed("the probe's held-out part, order and start"), SharedOptions.Threads(), SharedOptions.MaxBadSamples());
        var method = SharedOptions.OneOf("--method", "Which probe; linear when left out; head is the trained classifier's own", "linear", "knn", "head");
        var block = SharedOptions.Whole("--block", "Block whose tokens are averaged, from 1; 0 is the encoder's last.", 0);
        var time = SharedOptions.Whole("--time", "Level of noise that the network is conditioned on; the run's probe.time when left out.", 0);
        var input = SharedOptions.OneOf("--input", "What the encoder sees; the run's probe.input when left out", "original", "pca", "noised");
        var weights = SharedOptions.OneOf("--weights", "Which weights are read; the run's probe.weights when left out", "raw", "ema");
        var seeds = SharedOptions.Whole("--seeds", "Linear probes from that many seeds, --seed and those after it; one when left out.", 1);
        var vit = new VitOptions();
        var command = new RunnerCommand(
            Name,
            "Evaluates an encoder by a linear classifier or nearest neighbours on its features.",
            "--checkpoint runs/tiny --data cifar10:DIR",
            "--checkpoint runs/tiny --data cifar10:DIR --seeds 3",
            "--checkpoint runs/tiny --data cifar10:DIR --method knn --json",
            "--checkpoint runs/tiny --data cifar10:DIR --block 3 --time 50 --input noised --weights ema",
            "--checkpoint runs/supervised --data cifar10:DIR --method head",
            "--checkpoint vit.safetensors --data folder:DIR --pooling cls")
        {
            checkpoint, data, device, @out, method, block, time, input, weights, seed, seeds, threads, bad,
        };
        foreach (var option in vit.All)
        {
            command.Options.Add(option);
        }

        command.SetAction(parse => host.Execute(Name, parse, alone =>
        {
            using var group = JoinedGroup.Join(Name, alone);
            return group.Run(context => Run(Options(group), context, group));

            ProbeOptions Options(JoinedGroup group)
            {
                var overrides = SharedOptions.Assignments(
                    ("probe.block", parse.GetValue(block)),
                    ("probe.time", parse.GetValue(time)),
                    ("probe.input", parse.GetValue(input)),
                    ("probe.weights", parse.GetValue(weights)));
                return new ProbeOptions(
                    parse.GetRequiredValue(checkpoint),
                    parse.GetValue(data) ?? throw SharedOptions.NoData(),
                    parse.GetValue(method) switch { "knn" => ProbeMethod.Knn, "head" => ProbeMethod.Head, _ => ProbeMethod.Linear },
                    overrides,
                    vit.Known(parse),
                    DeviceChoice.Resolve(group.DeviceName(parse.GetRequiredValue(device))),
                    group.Processes.Rank > 0 ? RunFolder.None : RunFolder.Choose(Name, parse.GetValue(@out), resume: false, alone.Time),
                    parse.GetValue(seed) ?? 0,
                    parse.GetValue(seeds) ?? 1,
                    group.Threads(parse.GetValue(threads)),
                    parse.GetValue(bad) ?? SharedOptions.DefaultMaxBadSamples);
            }
        }));
        return command;
    }

    /// <summary>Runs the command; of several processes each computes its part, and rank 0 writes.</summary>
    public static CommandResult Run(ProbeOptions options, RunnerContext context, JoinedGroup group)
    {
        var start = Stopwatch.GetTimestamp();
        using var opened = OpenedEncoder.Open(options.Checkpoint, options.Overrides, options.Known, options.Device, options.Threads);
        using var exact = options.Device.OpenInFloat32(opened.Backend);
        var (side, seed, held) = (opened.Encoder.ImageSize, opened.Recipe.Train.Seed, opened.Recipe.Data.ShardMegabytes);
        var training = ImageSourceFactory.Open(options.Data, train: true, side, seed, held);
        var test = ImageSourceFactory.Open(options.Data, train: false, side, seed, held);
        using var log = group.Processes.Rank == 0 ? Log(options.Out, context) : null;
        Action<string> line = log is null ? _ => { } : log.Line;
        var bad = new BadSamples(options.MaxBadSamples, line);
        var comparison = new EncoderComparison(opened.Encoder, training, test, opened.Recipe.Data.HoldOut, opened.Recipe.Train.Seed)
        {
            Workers = MachineFacts.Threads(options.Threads),
            Bad = bad,
            Cancellation = context.Cancellation,
            Group = group.Processes,
        };
        var result = opened.Describe(new CommandResult()
                .Add("command", Name)
                .Add("run", options.Out.Path)
                .Add("device", options.Device.Name)
                .Add("checkpoint", options.Checkpoint)
                .Add("method", NameOf(options.Method)))
            .Add("seed", (long)options.Seed);
        var classifier = exact ?? opened.Backend;
        var processes = group.With(classifier);
        using var gpus = processes as NcclCommunicator;
        var seeds = Enumerable.Range(0, options.Seeds).Select(i => options.Seed + (ulong)i).ToArray();
        if (options.Method == ProbeMethod.Head)
        {
            ProbeWork.RunHead(result, opened.Classifier(options.Checkpoint), test, MachineFacts.Threads(options.Threads), bad, line, context.Cancellation);
        }
        else
        {
            ProbeWork.Run(result, comparison, options.Method, classifier, seeds, options.Out.Path, line, processes);
        }

        result
            .Add("bad_samples", (long)group.Processes.Gather([bad.Count]).Sum())
            .Add("peak_memory_bytes", MachineFacts.PeakMemory(opened.Backend))
            .Add("seconds", Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds, 2));
        if (log is not null)
        {
            result.Save(options.Out.Path, Name);
            RunReport.Write(options.Out.Path, $"l-DAE probe of {options.Checkpoint}");
            AddToRun(options, result, log);
        }

        return result;
    }

    private static string NameOf(ProbeMethod method) => method switch { ProbeMethod.Knn => "knn", ProbeMethod.Head => "head", _ => "linear" };

    private static RunLog Log(RunFolder folder, RunnerContext context)
    {
        folder.Create();
        return new RunLog(context.Output, folder.Path);
    }

    /// <summary>Adds the result to the page of the probed run; results that the run has written itself stay.</summary>
    private static void AddToRun(ProbeOptions options, CommandResult result, RunLog log)
    {
        var run = options.Checkpoint;
        if (!File.Exists(Path.Combine(run, RunFiles.Config)) || !Directory.Exists(Path.Combine(run, RunFiles.Checkpoints)))
        {
            return;
        }

        try
        {
            result.Save(run, options.Method switch { ProbeMethod.Knn => LastNeighbours, ProbeMethod.Head => LastHead, _ => LastProbe });
            ProbeFigures.Copy(options.Out.Path, run);
            RunReport.Write(run, RunReport.TitleOf(new RunContents(run)));
            log.Line($"Added to {Path.Combine(run, RunFiles.Report)}");
        }
        catch (Exception e) when (e is LdaeException or IOException or UnauthorizedAccessException)
        {
            log.Line($"Not added to {Path.Combine(run, RunFiles.Report)}: {e.Message}");
        }
    }
}

/// <summary>Options of probe.</summary>
/// <param name="Checkpoint">A run folder, a checkpoint folder or a .safetensors file.</param>
/// <param name="Data">The data set.</param>
/// <param name="Method">The method.</param>
/// <param name="Overrides">Assignments that override the run's recipe, each "key=value".</param>
/// <param name="Known">Options for a foreign ViT.</param>
/// <param name="Device">The device.</param>
/// <param name="Out">The output folder.</param>
/// <param name="Seed">Seed of the command's random numbers.</param>
/// <param name="Seeds">Number of seeds, from that one.</param>
/// <param name="Threads">Threads to compute with; null for every core.</param>
/// <param name="MaxBadSamples">Unreadable images to skip before giving up.</param>
internal sealed record ProbeOptions(
    string Checkpoint,
    string Data,
    ProbeMethod Method,
    IReadOnlyList<string> Overrides,
    VitReadOptions Known,
    DeviceChoice Device,
    RunFolder Out,
    ulong Seed,
    int Seeds,
    int? Threads,
    int MaxBadSamples);

/// <summary>Methods of evaluating an encoder.</summary>
internal enum ProbeMethod
{
    /// <summary>A linear classifier on normalised mean tokens.</summary>
    Linear,

    /// <summary>The labels of the nearest training images.</summary>
    Knn,

    /// <summary>The trained classifier's own head.</summary>
    Head,
}

using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae probe</c>: judges an encoder by what a linear classifier or nearest neighbours make of its features.</summary>
internal static class ProbeCommand
{
    public const string Name = "probe";

    public static RunnerCommand Create(RunnerHost host)
    {
        var (checkpoint, data, device, @out) = (SharedOptions.RequiredCheckpoint(), SharedOptions.Data(), SharedOptions.Device(), SharedOptions.Out());
        var (seed, threads, bad) = (SharedOptions.Seed(), SharedOptions.Threads(), SharedOptions.MaxBadSamples());
        var method = SharedOptions.OneOf("--method", "Which probe; linear when left out", "linear", "knn");
        var block = SharedOptions.Whole("--block", "Block whose tokens are averaged, from 1; 0 is the encoder's last.", 0);
        var time = SharedOptions.Whole("--time", "Level of noise the network is told.", 0);
        var input = SharedOptions.OneOf("--input", "What the encoder sees", "original", "pca", "noised");
        var weights = SharedOptions.OneOf("--weights", "Which weights are read", "raw", "ema");
        var command = new RunnerCommand(
            Name,
            "Judges an encoder by what a linear classifier or nearest neighbours make of its features.",
            "--checkpoint runs/tiny --data cifar10:DIR",
            "--checkpoint runs/tiny --data cifar10:DIR --method knn --json",
            "--checkpoint runs/tiny --data cifar10:DIR --block 3 --time 50 --input noised --weights ema")
        {
            checkpoint, data, device, @out, method, block, time, input, weights, seed, threads, bad,
        };
        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            var overrides = Overrides(
                ("probe.block", parse.GetValue(block)),
                ("probe.time", parse.GetValue(time)),
                ("probe.input", parse.GetValue(input)),
                ("probe.weights", parse.GetValue(weights)));
            return Run(
                new ProbeOptions(
                    parse.GetRequiredValue(checkpoint),
                    parse.GetValue(data) ?? throw SharedOptions.NoData(),
                    parse.GetValue(method) == "knn" ? ProbeMethod.Knn : ProbeMethod.Linear,
                    overrides,
                    DeviceChoice.Resolve(parse.GetRequiredValue(device)),
                    RunFolder.Choose(Name, parse.GetValue(@out), resume: false, context.Time),
                    parse.GetValue(seed) ?? 0,
                    parse.GetValue(threads),
                    parse.GetValue(bad) ?? SharedOptions.DefaultMaxBadSamples),
                context);
        }));
        return command;
    }

    /// <summary>Does the work.</summary>
    public static CommandResult Run(ProbeOptions options, RunnerContext context) =>
        throw new LdaeException(ErrorKind.Run, "probe is not there yet.", "It comes with a later version.");

    /// <summary>The given ones as assignments, each checked against its field's range.</summary>
    private static string[] Overrides(params (string Field, object? Value)[] values)
    {
        string[] assignments = [.. values.Where(value => value.Value is not null).Select(value => $"{value.Field}={value.Value}")];
        RecipeFields.Apply(new Recipe(), assignments);
        return assignments;
    }
}

using System.CommandLine;
using LDaeCore.Engine.Errors;

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

    /// <summary>Does the work.</summary>
    public static CommandResult Run(PcaOptions options, RunnerContext context) =>
        throw new LdaeException(ErrorKind.Run, "pca is not there yet.", "It comes with a later version.");
}

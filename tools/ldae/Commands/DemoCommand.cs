using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae demo</c>: the whole story in about two minutes: pretrains on synthetic images, probes against controls, draws.</summary>
internal static class DemoCommand
{
    public const string Name = "demo";

    public static RunnerCommand Create(RunnerHost host)
    {
        var (device, @out, set, seed, threads) = (SharedOptions.Device(), SharedOptions.Out(), SharedOptions.Set(), SharedOptions.Seed(), SharedOptions.Threads());
        var command = new RunnerCommand(
            Name,
            "The whole story in about two minutes: pretrains on synthetic images, probes against controls, draws.",
            "",
            "--out demo --seed 1")
        {
            device, @out, set, seed, threads,
        };
        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            var chosen = DeviceChoice.Resolve(parse.GetRequiredValue(device));
            var source = new RecipeSource("demo", null, parse.GetRequiredValue(set), parse.GetValue(seed));
            var folder = RunFolder.Choose(Name, parse.GetValue(@out), resume: false, context.Time);
            return Run(new DemoOptions(source.Load(null, chosen), chosen, folder, parse.GetValue(threads)), context);
        }));
        return command;
    }

    /// <summary>Does the work.</summary>
    public static CommandResult Run(DemoOptions options, RunnerContext context) =>
        throw new LdaeException(ErrorKind.Run, "demo is not there yet.", "It comes with a later version.");
}

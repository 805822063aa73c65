using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae reconstruct</c>: draws images clean, with their kept components only, noised and denoised, with the PSNR of each.</summary>
internal static class ReconstructCommand
{
    public const string Name = "reconstruct";

    private const int DefaultImages = 8;

    public static RunnerCommand Create(RunnerHost host)
    {
        var (checkpoint, data, device, @out) = (SharedOptions.RequiredCheckpoint(), SharedOptions.Data(), SharedOptions.Device(), SharedOptions.Out());
        var (seed, threads, bad) = (SharedOptions.Seed(), SharedOptions.Threads(), SharedOptions.MaxBadSamples());
        var images = SharedOptions.Whole("--images", $"Images to draw; {DefaultImages} when left out.", 1);
        var level = SharedOptions.Whole("--level", "Level of noise, from 1; several when left out.", 1);
        var command = new RunnerCommand(
            Name,
            "Draws images clean, with their kept components only, noised and denoised, with the PSNR of each.",
            "--checkpoint runs/tiny --data cifar10:DIR",
            "--checkpoint runs/tiny --data synthetic --images 16 --level 500")
        {
            checkpoint, data, device, @out, images, level, seed, threads, bad,
        };
        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            var options = new ReconstructOptions(
                parse.GetRequiredValue(checkpoint),
                parse.GetValue(data) ?? throw SharedOptions.NoData(),
                parse.GetValue(images) ?? DefaultImages,
                parse.GetValue(level),
                DeviceChoice.Resolve(parse.GetRequiredValue(device)),
                RunFolder.Choose(Name, parse.GetValue(@out), resume: false, context.Time),
                parse.GetValue(seed) ?? 0,
                parse.GetValue(threads),
                parse.GetValue(bad) ?? SharedOptions.DefaultMaxBadSamples);
            return Run(options, context);
        }));
        return command;
    }

    /// <summary>Does the work.</summary>
    public static CommandResult Run(ReconstructOptions options, RunnerContext context) =>
        throw new LdaeException(ErrorKind.Run, "reconstruct is not there yet.", "It comes with a later version.");
}

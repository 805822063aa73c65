using System.CommandLine;
using LDaeCore.Model.Encoders;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae import</c>: reads a foreign ViT and writes it with a complete configuration.</summary>
internal static class ImportCommand
{
    public const string Name = "import";

    public static RunnerCommand Create(RunnerHost host)
    {
        var path = new Argument<string>("PATH") { Description = "A .safetensors file of a ViT with timm's or MAE's names, or a folder with model.safetensors and config.json." };
        var @out = SharedOptions.Out();
        var vit = new VitOptions();
        var command = new RunnerCommand(
            Name,
            "Reads a timm or MAE ViT into an encoder that probe evaluates and export writes.",
            "vit.safetensors --out encoder",
            "mae.safetensors --heads 16 --pooling cls --json")
        {
            path, @out,
        };
        foreach (var option in vit.All)
        {
            command.Options.Add(option);
        }

        command.SetAction(parse => host.Execute(Name, parse, context => Run(
            parse.GetRequiredValue(path), vit.Known(parse), RunFolder.Choose(Name, parse.GetValue(@out), resume: false, context.Time), context)));
        return command;
    }

    private static CommandResult Run(string path, VitReadOptions known, RunFolder to, RunnerContext context)
    {
        var weights = VitFile.Read(path, known);
        to.Create();
        TimmFolder.Write(to.Path, weights);
        var vit = weights.Configuration;
        context.Output.Line(
            $"A ViT of {Wording.Count(vit.Depth, "block")}, width {vit.Width}, {Wording.Count(vit.Heads, "head")}, images of {vit.ImageSize} pixels in patches of {vit.Patch}, "
                + $"{(vit.ClassToken ? "with" : "without")} class token.");
        context.Output.Line($"Probe it: ldae probe --checkpoint {to.Path} --data DATA");
        return EncoderWords.Add(new CommandResult().Add("command", Name).Add("run", to.Path).Add("path", path), vit)
            .Add("file", Path.Combine(to.Path, TimmFolder.ModelFile))
            .Add("parameters", weights.Values.Values.Sum(v => (long)v.Length));
    }
}

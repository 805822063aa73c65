using System.CommandLine;
using LDaeCore.Engine.Errors;
using LDaeCore.Runner.Dashboards;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae dashboard</c>: serves the reports of runs, live and compared, to a browser on this machine.</summary>
internal static class DashboardCommand
{
    public const string Name = "dashboard";

    private const int DefaultPort = 7860, MostPort = 65535;

    public static RunnerCommand Create(RunnerHost host)
    {
        var runs = new Argument<string[]>("RUN") { Description = "Folders of runs, one or more; several are compared.", Arity = ArgumentArity.OneOrMore };
        var port = SharedOptions.Whole("--port", $"Port on 127.0.0.1; {DefaultPort} when left out, 0 for a free one.", 0);
        var command = new RunnerCommand(
            Name,
            "Serves the reports of runs on 127.0.0.1, updated while they train, until Ctrl-C.",
            "runs/tiny",
            "runs/first runs/second --port 8000")
        {
            runs, port,
        };
        command.SetAction(parse => host.Execute(Name, parse, context => Run(parse.GetRequiredValue(runs), parse.GetValue(port) ?? DefaultPort, context)));
        return command;
    }

    /// <summary>Serves until it is interrupted; exit code 0 then.</summary>
    private static CommandResult Run(string[] runs, int port, RunnerContext context)
    {
        if (port > MostPort)
        {
            throw new LdaeException(ErrorKind.Configuration, $"--port {port} is not allowed: it takes a number from 0 to {MostPort}.", "Leave it out, or give 0 for a free one.");
        }

        foreach (var run in runs)
        {
            if (RunFolder.TraceOf(run) is null)
            {
                throw new LdaeException(
                    ErrorKind.Data,
                    Directory.Exists(run) ? $"{run} holds no run." : $"{run} is not a folder.",
                    "Give the folder that a command wrote to with --out, such as runs/tiny; a run that is starting has one as soon as its first steps are planned.");
            }
        }

        using var server = new DashboardServer(new DashboardPages(runs), port);
        context.Output.Line($"{server.Address} shows {(runs.Length == 1 ? runs[0] : Wording.Count(runs.Length, "run"))}; Ctrl-C ends it.");
        server.RunAsync(context.Cancellation).GetAwaiter().GetResult();
        return new CommandResult().Add("command", Name).Add("runs", runs).Add("address", server.Address);
    }
}

using System.CommandLine;
using System.CommandLine.Help;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;
using LDaeCore.Runner.Commands;

namespace LDaeCore.Runner;

/// <summary>The command line: parses it, runs one command, and turns its result into output and an exit code.</summary>
internal sealed class RunnerHost(TextWriter result, TextWriter human, bool isTerminal, TimeProvider time, CancellationToken cancellation)
{
    private static readonly string[] Shared = [PretrainCommand.Name, ProbeCommand.Name];

    private readonly Option<bool> _json = new("--json")
    {
        Description = "Print one JSON object as the last line of standard output.",
        Recursive = true,
    };

    private readonly Option<bool> _verbose = new("--verbose")
    {
        Description = "Print the stack trace of an error.",
        Recursive = true,
    };

    private string _line = "";

    /// <summary>Runs a command line.</summary>
    /// <param name="args">The command line, without the program.</param>
    /// <returns>The exit code.</returns>
    public int Invoke(string[] args)
    {
        _line = Wording.CommandLine(args);
        var root = CreateRoot();
        if (ShellCompletion.Asked(args) is { } asked)
        {
            foreach (var word in asked.Words(root))
            {
                result.WriteLine(word);
            }

            return 0;
        }

        var parse = root.Parse(args);
        var asksForHelp = parse.GetResult(root.Options.OfType<HelpOption>().Single()) is { Implicit: false };
        return parse.Errors.Count > 0 && !asksForHelp
            ? OutputOf(parse, LaunchOf("").Rank).Fail(parse.CommandResult.Command == root ? null : parse.CommandResult.Command.Name, UsageError(parse))
            : parse.Invoke(new InvocationConfiguration
            {
                Output = result,
                Error = human,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
    }

    /// <summary>Runs the body of a command.</summary>
    /// <param name="name">The command's name.</param>
    /// <param name="parse">The parsed command line.</param>
    /// <param name="body">Reads its options and does its work.</param>
    /// <returns>The exit code.</returns>
    public int Execute(string name, ParseResult parse, Func<RunnerContext, CommandResult> body)
    {
        var output = OutputOf(parse);
        try
        {
            var launch = LaunchOf(name);
            output = OutputOf(parse, launch.Rank);
            RequireAlone(name, launch);
            return output.Finish(body(new RunnerContext(output, time, cancellation) { Launch = launch }));
        }
#pragma warning disable CA1031 // Every failure becomes one message, one result object and one exit code.
        catch (Exception error)
#pragma warning restore CA1031
        {
            return output.Fail(name, error);
        }
    }

    private static LdaeException UsageError(ParseResult parse)
    {
        var command = parse.CommandResult.Command;
        var group = command.Parents.FirstOrDefault() is { } parent and not RootCommand ? $"{parent.Name} " : "";
        var help = $"See {(command is RootCommand ? "ldae" : $"ldae {group}{command.Name}")} --help.";
        if (parse.UnmatchedTokens.Count == 0)
        {
            return new LdaeException(ErrorKind.Configuration, parse.Errors[0].Message, help);
        }

        var token = parse.UnmatchedTokens[0];
        var isOption = token.StartsWith('-');
        string[] names = isOption
            ? [.. command.Options
                .Concat(command.Parents.OfType<Command>().SelectMany(parent => parent.Options.Where(option => option.Recursive)))
                .Select(option => option.Name)]
            : [.. command.Subcommands.Select(subcommand => subcommand.Name)];
        var what = isOption ? "option" : names.Length > 0 ? "command" : "argument";
        return new LdaeException(
            ErrorKind.Configuration,
            $"{(command is RootCommand ? "ldae" : command.Name)} has no {what} '{token}'.",
            names.Length > 0 ? $"Did you mean '{NearestName.Of(token, names)}'? {help}" : help);
    }

    private RunnerOutput OutputOf(ParseResult parse, int rank = 0) =>
        new(result, human, parse.GetValue(_json), parse.GetValue(_verbose), isTerminal, time) { CommandLine = _line, Rank = rank };

    /// <summary>Rank and number of processes.</summary>
    private static Launch LaunchOf(string command)
    {
        try
        {
            return Launch.Read(Environment.GetEnvironmentVariable);
        }
        catch (LdaeException) when (!Shared.Contains(command))
        {
            // The variables may have another meaning, which must not prevent other commands.
            return Launch.Alone;
        }
    }

    /// <summary>Rejects several processes for other commands: each would run the whole command and overwrite the others' files.</summary>
    private static void RequireAlone(string command, Launch launch)
    {
        if (launch.Size > 1 && command != DoctorCommand.Name && !Shared.Contains(command))
        {
            throw new LdaeException(
                ErrorKind.Configuration,
                $"ldae {command} is for one process, but {launch.By} started {launch.Size}.",
                $"Start one process. Commands for several processes: {string.Join(", ", Shared.Select(name => $"ldae {name}"))}.");
        }
    }

    private RootCommand CreateRoot()
    {
        var root = new RootCommand("Latent denoising autoencoders: pretrain, probe, draw.")
        {
            _json,
            _verbose,
            DemoCommand.Create(this),
            PretrainCommand.Create(this),
            ProbeCommand.Create(this),
            ReconstructCommand.Create(this),
            SampleCommand.Create(this),
            ExportCommand.Create(this),
            ImportCommand.Create(this),
            PcaCommand.Create(this),
            JourneyCommand.Create(this),
            TokenizerCommand.Create(this),
            DashboardCommand.Create(this),
            InspectCommand.Create(this),
            DoctorCommand.Create(this),
            CompletionCommand.Create(this, result),
        };
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ExampleHelp((HelpAction)help.Action!);
        return root;
    }
}

/// <summary>The context of every command, beside its options.</summary>
/// <param name="Output">Its output.</param>
/// <param name="Time">The clock.</param>
/// <param name="Cancellation">Cancelled by SIGINT or SIGTERM: finish the step, save, stop.</param>
internal sealed record RunnerContext(RunnerOutput Output, TimeProvider Time, CancellationToken Cancellation)
{
    /// <summary>Rank and number of processes.</summary>
    public Launch Launch { get; init; } = Launch.Alone;
}

/// <summary>A command whose help ends with examples.</summary>
/// <param name="name">The command's name.</param>
/// <param name="description">What it does.</param>
/// <param name="examples">Command lines, without the program's and the command's names.</param>
internal sealed class RunnerCommand(string name, string description, params string[] examples) : Command(name, description)
{
    /// <summary>Command lines to copy.</summary>
    public IReadOnlyList<string> Examples { get; init; } = [.. examples.Select(example => $"ldae {name} {example}".TrimEnd())];

    /// <summary>Whether its help lists the fields of a recipe.</summary>
    public bool ListsFields { get; init; }
}

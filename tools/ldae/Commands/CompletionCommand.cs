using System.CommandLine;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner.Commands;

/// <summary><c>ldae completion</c>: a script that makes a shell complete ldae's commands, options and their values.</summary>
internal static class CompletionCommand
{
    public const string Name = "completion";

    private static readonly (string Shell, string Script)[] Scripts =
    [
        ("bash", """
            _ldae() {
              local IFS=$'\n'
              COMPREPLY=($(ldae "[complete:$COMP_POINT]" "$COMP_LINE" 2> /dev/null))
              # Words end at = and : in bash: what stands before them is on the line already.
              local word=${COMP_LINE:0:COMP_POINT}
              word=${word##* }
              COMPREPLY=("${COMPREPLY[@]#"${word%"$2"}"}")
              # A value after key= stays on the line.
              [[ ${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace
            }
            complete -o default -F _ldae ldae
            """),
        ("zsh", """
            #compdef ldae
            _ldae() {
              local -a found
              found=("${(@f)$(ldae "[complete:$CURSOR]" "$BUFFER" 2> /dev/null)}")
              [[ -n $found ]] && compadd -S '' -- $found || _files
            }
            # Loaded from a folder of functions at the first completion, it completes at once; sourced, it waits to be asked.
            if [[ $funcstack[1] == _ldae ]]; then _ldae "$@"; else compdef _ldae ldae; fi
            """),
        ("fish", """
            complete -c ldae -a '(ldae "[complete:"(string length -- (commandline -cp))"]" (commandline -cp) 2> /dev/null)'
            """),
    ];

    public static RunnerCommand Create(RunnerHost host, TextWriter to)
    {
        string[] shells = [.. Scripts.Select(s => s.Shell)];
        var shell = new Argument<string>("SHELL") { Description = $"Which shell: {string.Join(", ", shells)}." };
        shell.CompletionSources.Add(shells);
        var command = new RunnerCommand(
            Name, "Prints a script that completes ldae's commands, options and values in a shell.", "bash >> ~/.bashrc", "zsh > ~/.zfunc/_ldae",
            "fish > ~/.config/fish/completions/ldae.fish")
        {
            shell,
        };
        command.SetAction(parse => host.Execute(Name, parse, context =>
        {
            var asked = parse.GetRequiredValue(shell);
            var found = Array.Find(Scripts, s => s.Shell == asked).Script
                ?? throw new LdaeException(ErrorKind.Configuration, $"{asked} is not a supported shell.", $"Give one of {string.Join(", ", shells)}.");
            to.WriteLine(found);
            return new CommandResult().Add("command", Name).Add("shell", asked);
        }));
        return command;
    }
}

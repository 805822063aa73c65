using System.Diagnostics;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>What a shell is told to complete, and the scripts that ask.</summary>
public sealed class CompletionTests
{
    [TestCase("ldae ", new[] { "pretrain", "probe", "export" })]
    [TestCase("ldae pre", new[] { "pretrain" })]
    [TestCase("ldae probe --me", new[] { "--method" })]
    [TestCase("ldae probe --method ", new[] { "linear", "knn" })]
    [TestCase("ldae pretrain --preset cifar", new[] { "cifar-tiny", "cifar-small" })]
    [TestCase("ldae pretrain --set network.w", new[] { "network.width=" })]
    [TestCase("ldae export --format ", new[] { "timm", "onnx" })]
    public void Completes(string line, string[] expected)
    {
        var found = CommandLine.Run($"[complete:{line.Length}]", line);
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        Assert.That(found.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries), Is.SupersetOf(expected));
    }

    [Test]
    public void Only_what_begins_as_the_word_does() =>
        Assert.That(CommandLine.Run("[complete:8]", "ldae pre").Result, Is.EqualTo("pretrain\n"));

    [Test]
    public void The_script_of_bash_completes_in_bash()
    {
        var script = CommandLine.Run("completion", "bash");
        Assert.That(script.ExitCode, Is.Zero);

        // A stand-in for ldae: the words it is asked with are what counts.
        var start = new ProcessStartInfo("bash", ["-c", script.Result + """

            ldae() { echo "$1|$2"; }
            COMP_LINE='ldae pre' COMP_POINT=8
            _ldae 2> /dev/null
            printf '%s' "${COMPREPLY[0]}"
            """])
        { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        Assert.That(process.StandardOutput.ReadToEnd(), Is.EqualTo("[complete:8]|ldae pre"));
        process.WaitForExit();
    }

    [TestCase("zsh", "#compdef ldae")]
    [TestCase("fish", "complete -c ldae")]
    public void Other_shells_have_scripts(string shell, string text) => Assert.That(CommandLine.Run("completion", shell).Result, Does.Contain(text));

    [Test]
    public void An_unknown_shell_is_refused() => Assert.That(CommandLine.Run("completion", "tcsh").ExitCode, Is.EqualTo(2));

    [Test]
    public void The_help_of_all_says_what_codes_files_and_variables_mean() =>
        Assert.That(CommandLine.Run("--help").Result, Does.Contain("Exit codes:").And.Contain("130").And.Contain("metrics.jsonl").And.Contain("LDAE_CACHE"));
}

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
    [TestCase("ldae pretrain --set noise.schedule=", new[] { "noise.schedule=single", "noise.schedule=linearBeta" })]
    [TestCase("ldae pretrain --set network.depth=8 --set data.flip=t", new[] { "data.flip=true" })]
    [TestCase("ldae probe --device ", new[] { "cpu", "cuda", "emulated" })]
    [TestCase("ldae journey --sweep ", new[] { "time", "block" })]
    [TestCase("ldae export --format=t", new[] { "--format=timm" })]
    [TestCase("ldae pretrain --set=data.flip=", new[] { "--set=data.flip=true", "--set=data.flip=false" })]
    [TestCase("ldae pretrain --data ", new[] { "synthetic", "folder:" })]
    public void Completes(string line, string[] expected)
    {
        var found = CommandLine.Run($"[complete:{line.Length}]", line);
        Assert.That(found.ExitCode, Is.Zero, found.Human);
        Assert.That(found.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries), Is.SupersetOf(expected));
    }

    [Test]
    public void Only_what_begins_as_the_word_does() =>
        Assert.That(CommandLine.Run("[complete:8]", "ldae pre").Result, Is.EqualTo("pretrain\n"));

    [TestCase("ldae inspect ")]
    [TestCase("ldae dashboard run ")]
    [TestCase("ldae pretrain --data folder:")]
    [TestCase("ldae probe --checkpoint ")]
    public void Files_are_left_to_the_shell(string line) => Assert.That(CommandLine.Run($"[complete:{line.Length}]", line).Result.Trim(), Is.Empty);

    [Test]
    public void Fields_are_offered_without_their_values() =>
        Assert.That(CommandLine.Run("[complete:30]", "ldae pretrain --set noise.sched").Result, Is.EqualTo("noise.schedule=\n"));

    [Test]
    public void Bash_is_given_what_comes_behind_the_sign_that_ends_its_word()
    {
        var start = new ProcessStartInfo("bash", ["-c", CommandLine.Run("completion", "bash").Result + """

            ldae() { printf 'noise.schedule=single\nnoise.schedule=linearBeta\n'; }
            COMP_LINE='ldae pretrain --set noise.schedule=' COMP_POINT=35
            _ldae ldae '' = 2> /dev/null
            printf '%s ' "${COMPREPLY[@]}"
            """])
        { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        Assert.That(process.StandardOutput.ReadToEnd(), Is.EqualTo("single linearBeta "));
        process.WaitForExit();
    }

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
    [TestCase("zsh", "_ldae \"$@\"; else compdef _ldae ldae")]
    [TestCase("fish", "complete -c ldae")]
    public void Other_shells_have_scripts(string shell, string text) => Assert.That(CommandLine.Run("completion", shell).Result, Does.Contain(text));

    [Test]
    public void An_unknown_shell_is_refused() => Assert.That(CommandLine.Run("completion", "tcsh").ExitCode, Is.EqualTo(2));

    [Test]
    public void The_help_of_a_group_has_the_examples_of_its_commands() =>
        Assert.That(CommandLine.Run("tokenizer", "--help").Result, Does.Contain("ldae tokenizer train --preset").And.Not.Contain("ldae demo").And.Not.Contain("LDAE_CACHE"));

    [Test]
    public void The_help_of_all_says_what_codes_files_and_variables_mean() =>
        Assert.That(CommandLine.Run("--help").Result, Does.Contain("Exit codes:").And.Contain("130").And.Contain("metrics.jsonl").And.Contain("LDAE_CACHE"));
}

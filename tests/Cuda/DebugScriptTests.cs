using System.Diagnostics;
using LDaeCore.Tests.House;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>tools/debug-kernel.sh stops where it says: in the kernel, in its own source, with its arguments and locals to see.</summary>
[Category("Long")]
public sealed class DebugScriptTests
{
    [TestCase("layernorm_forward", "layernorm", "layernorm.cu", "columns")]
    [TestCase("rows_sum_partial", "linear", "rows.cu", "chunk")]
    [TestCase("attention_forward", "attention", "attention_forward.cu", "tokens")]
    public void Stops_in_the_kernel(string kernel, string word, string file, string argument)
    {
        EmulatedBackendTests.Device();
        if (!HasGdb())
        {
            Requirement.Missing("gdb", "it is not on the path (Debian, Ubuntu: apt-get install gdb)");
        }

        var start = new ProcessStartInfo(Path.Combine(RepositoryFiles.Root, "tools", "debug-kernel.sh"))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var option in (string[])[kernel, word, "-batch", "-ex", "me", "-ex", "next", "-ex", "info locals", "-ex", "kill"])
        {
            start.ArgumentList.Add(option);
        }

        using var script = Process.Start(start)!;
        script.StandardInput.Close();
        var errors = script.StandardError.ReadToEndAsync();
        var output = script.StandardOutput.ReadToEnd();
        script.WaitForExit();
        Assert.That(output, Does.Match($@"hit Breakpoint 1(\.\d+)?, {kernel}(\([^()]*\))? \(.*{argument}=\d+"), errors.Result);
        Assert.That(output, Does.Match($@" at [\w./-]*{file}:\d+"));
        Assert.That(output, Does.Match(@"block \(\d+, \d+, \d+\), thread \(\d+, \d+, \d+\), lane \d+"));
        Assert.That(output, Does.Match(@"\n\w+ = "), "locals");
    }

    private static bool HasGdb()
    {
        try
        {
            using var gdb = Process.Start(new ProcessStartInfo("gdb", "--version") { RedirectStandardOutput = true })!;
            gdb.StandardOutput.ReadToEnd();
            gdb.WaitForExit();
            return true;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

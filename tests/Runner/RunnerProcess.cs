using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace LDaeCore.Tests.Runner;

/// <summary>The runner as a process of its own, for what a process alone can show: signals and kills.</summary>
internal static class RunnerProcess
{
    public static Process Start(params string[] arguments)
    {
        var dotnet = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet");

        // Tests that a shell started in the background ignore SIGINT, and so would their children.
        return Process.Start(new ProcessStartInfo("env", ["--default-signal=INT,TERM", dotnet, typeof(LDaeCore.Runner.Program).Assembly.Location, .. arguments]))!;
    }

    public static void Signal(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}

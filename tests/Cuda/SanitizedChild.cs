using System.Diagnostics;

namespace LDaeCore.Tests.Cuda;

/// <summary>A child process in which the emulator and all kernels run under g++'s address sanitizer.</summary>
internal static class SanitizedChild
{
    /// <summary>
    /// Sets the environment: the sanitizer's library comes before all others; faults stay with .NET and the emulator, which
    /// know what to do with them.
    /// </summary>
    public static void Prepare(ProcessStartInfo start)
    {
        start.Environment["LDAE_EMULATOR_SANITIZE"] = "address";
        start.Environment["ASAN_OPTIONS"] = "detect_leaks=0:handle_segv=0:use_sigaltstack=0";
        start.Environment["LD_PRELOAD"] = Library();
    }

    private static string Library()
    {
        using var compiler = Process.Start(new ProcessStartInfo("g++", "-print-file-name=libasan.so") { RedirectStandardOutput = true })!;
        var path = compiler.StandardOutput.ReadToEnd().Trim();
        compiler.WaitForExit();
        return path;
    }
}

using System.Diagnostics;
using System.Runtime.InteropServices;
using LDaeCore.Tests.Cuda;

namespace LDaeCore.Tests.Runner;

/// <summary>
/// The runner on a disk of a few kilobytes, or on one that takes no writes: a memory file system in a mount namespace of the process's
/// own, which is invisible to others and disappears with it. Its final content is copied out.
/// </summary>
internal static class MountedFolder
{
    private static readonly Lazy<string?> Unshare = new(() =>
        new[] { "--mount", "--map-root-user --mount" }.FirstOrDefault(flags => Succeeds($"unshare {flags} mount -t tmpfs tmpfs /mnt")));

    /// <summary>Ends the test as skipped where no file system may be mounted.</summary>
    public static void Require()
    {
        if (Unshare.Value is null)
        {
            Requirement.Missing("unshare", "this user may not mount a file system in a namespace of its own");
        }
    }

    /// <summary>Runs the runner with a small disk mounted at a folder.</summary>
    /// <param name="folder">Where; an empty folder.</param>
    /// <param name="kilobytes">Size of the disk.</param>
    /// <param name="from">What is on it at first, or null.</param>
    /// <param name="readOnly">Whether it takes no writes from then on.</param>
    /// <param name="to">Gets what is on it in the end.</param>
    /// <param name="arguments">The runner's arguments.</param>
    /// <returns>Exit code, the result's last line, and what a person reads.</returns>
    public static (int ExitCode, string Result, string Human) Run(string folder, int kilobytes, string? from, bool readOnly, string to, params string[] arguments)
    {
        var dotnet = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet");
        string[] script =
        [
            $"mount -t tmpfs -o size={kilobytes}k tmpfs {folder}",
            .. from is null ? Array.Empty<string>() : [$"cp -a {from}/. {folder}"],
            .. readOnly ? [$"mount -o remount,ro {folder}"] : Array.Empty<string>(),
            $"status=0; '{dotnet}' '{typeof(LDaeCore.Runner.Program).Assembly.Location}' \"$@\" || status=$?",
            $"mkdir -p {to}; cp -a {folder}/. {to}; exit $status",
        ];
        string[] command = [.. Unshare.Value!.Split(' '), "sh", "-e", "-c", string.Join('\n', script), "sh", .. arguments];
        using var process = Process.Start(new ProcessStartInfo("unshare", command) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var human = process.StandardError.ReadToEndAsync();
        var result = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, result.TrimEnd('\n').Split('\n')[^1], human.Result);
    }

    private static bool Succeeds(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", command]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}

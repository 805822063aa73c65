using System.Diagnostics;
using System.Globalization;
using System.Text;
using LDaeCore.Engine.Interop;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// Tests of this assembly once more in a child process. Sanitized, the emulator and all kernels run there under g++'s address
/// sanitizer, which ends the process with a report at the first stray access.
/// </summary>
internal static class SanitizedChild
{
    private const string AnnounceVariable = "LDAE_TEST_ANNOUNCE", TestMark = "running: ", KernelMark = "kernel: ", Report = "ERROR: AddressSanitizer";

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(20);

    private static bool Announces => Environment.GetEnvironmentVariable(AnnounceVariable) == "1";

    /// <summary>In a child: says which test begins, as a process that the sanitizer ends cannot say which one it was.</summary>
    public static void Announce()
    {
        if (Announces)
        {
            Write(TestMark + TestContext.CurrentContext.Test.FullName);
        }
    }

    /// <summary>In a child: says which kernels were launched.</summary>
    public static void Announce(IEnumerable<string> kernels)
    {
        if (Announces)
        {
            Write(string.Join('\n', kernels.Select(kernel => KernelMark + kernel)));
        }
    }

    /// <summary>Past the test framework, which keeps what tests write until they end.</summary>
    public static void Write(string text)
    {
        using var output = Console.OpenStandardOutput();
        output.Write(Encoding.UTF8.GetBytes(text + "\n"));
    }

    /// <summary>Runs the tests of a filter in a child.</summary>
    /// <param name="filter">As of <c>--filter</c>.</param>
    /// <param name="sanitized">Whether under the address sanitizer.</param>
    /// <param name="variables">Further environment variables.</param>
    public static async Task<Outcome> Run(string filter, bool sanitized, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        start.Environment[AnnounceVariable] = "1";
        if (sanitized)
        {
            Sanitize(start);
        }

        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(SanitizedChild).Assembly.Location);
        }

        foreach (var argument in (string[])["--no-ansi", "--progress", "off", "--filter", filter])
        {
            start.ArgumentList.Add(argument);
        }

        using var child = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Longest);
        await using var kill = limit.Token.Register(() => child.Kill(entireProcessTree: true));
        var errors = child.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = await child.StandardOutput.ReadToEndAsync(CancellationToken.None).ConfigureAwait(false);
        await child.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        return new Outcome(child.ExitCode, output, await errors.ConfigureAwait(false));
    }

    /// <summary>
    /// The sanitizer's library comes before all others; faults stay with .NET and the emulator, which know what to do with them.
    /// </summary>
    private static void Sanitize(ProcessStartInfo start)
    {
        EmulatedBackendTests.Device();
        start.Environment[EmulatorLibrary.SanitizeVariable] = "address";
        start.Environment["ASAN_OPTIONS"] = "detect_leaks=0:handle_segv=0:use_sigaltstack=0";
        start.Environment["LD_PRELOAD"] = Library();

        // Once, and not in each of several children.
        EmulatorLibrary.Build(CacheFolder.Root, "address");
    }

    private static string Library()
    {
        using var compiler = Process.Start(new ProcessStartInfo("g++", "-print-file-name=libasan.so") { RedirectStandardOutput = true })!;
        var path = compiler.StandardOutput.ReadToEnd().Trim();
        compiler.WaitForExit();
        if (!Path.IsPathRooted(path))
        {
            Requirement.Missing(Requirement.Emulator, "g++ has no address sanitizer (Debian, Ubuntu: apt-get install libasan8, or the one of your g++)");
        }

        return path;
    }

    /// <summary>How a child ended.</summary>
    /// <param name="ExitCode">0 when all its tests passed.</param>
    /// <param name="Output">Standard output.</param>
    /// <param name="Errors">Standard error.</param>
    internal sealed record Outcome(int ExitCode, string Output, string Errors)
    {
        /// <summary>Full names of the tests that began.</summary>
        public IReadOnlyList<string> Tests => Marked(TestMark);

        /// <summary>The kernels that were launched.</summary>
        public IReadOnlyList<string> Kernels => Marked(KernelMark);

        private string Running => Tests is [.., var last] ? last : "no test";

        /// <summary>Nothing when all is well; else the test that was running and the sanitizer's report, or what the tests said.</summary>
        public string Complaint
        {
            get
            {
                var report = Errors.IndexOf(Report, StringComparison.Ordinal);
                return report >= 0 ? $"{Running}: {Errors[report..]}"
                    : ExitCode == 0 ? ""
                    : string.Create(CultureInfo.InvariantCulture, $"exit code {ExitCode} in or after {Running}\n{Output}\n{Errors}");
            }
        }

        private List<string> Marked(string mark) =>
            [.. Output.Split('\n').Where(line => line.StartsWith(mark, StringComparison.Ordinal)).Select(line => line[mark.Length..]).Distinct()];
    }
}

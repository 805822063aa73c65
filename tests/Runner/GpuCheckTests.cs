using System.Diagnostics;
using LDaeCore.Tests.House;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>
/// tools/gpu-check.sh on a pack whose programs are small scripts: what it says of parts that pass, fail, hang or cannot run. The parts
/// themselves are tried with --device emulated in a real pack (docs/gpu-machine.md).
/// </summary>
public sealed class GpuCheckTests : FolderPerTest
{
    // Answers as ldae does: doctor's result object, an error, or nothing for longer than the timeout.
    private const string Works = """
        #!/bin/bash
        case $1 in
          doctor) echo '{"command":"doctor","gpu":"A fake GPU","smoke_error":1E-07,"timings":{"cold_start":1.5,"warm_start":0.25}}' ;;
          *) echo "error: $1 is out of order" >&2; exit 4 ;;
        esac
        """;

    private const string Hangs = "#!/bin/bash\nsleep 60\n";

    private const string TestsFail = """
        #!/bin/bash
        printf 'failed A_kernel_that_is_wrong (1s 20ms)\n  total: 3\n  failed: 1\n  succeeded: 2\n  skipped: 0\n'
        exit 2
        """;

    private const string TestsPass = "#!/bin/bash\nprintf '  total: 3\\n  failed: 0\\n  succeeded: 3\\n  skipped: 1\\n'\n";

    [Test]
    public void A_failing_part_is_named_with_its_reason_and_stops_no_other()
    {
        var (code, summary) = Check(Works, TestsFail, "--only", "doctor,gpu-tests,rerun,ncu,tests");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.EqualTo(1), summary);
            Assert.That(summary, Does.Match(@"passed +doctor +\d+ s +A fake GPU: smoke error 1E-07, cold start 1.5 s, warm 0.25 s"));
            Assert.That(summary, Does.Match(@"failed +gpu-tests +\d+ s +2 passed, 1 failed, 0 skipped; failed: A_kernel_that_is_wrong\n"));
            Assert.That(summary, Does.Match(@"failed +rerun +\d+ s +ldae pretrain exited with 4: error: pretrain is out of order"));
            Assert.That(summary, Does.Match(@"skipped +ncu +\d+ s +the emulated device has no hardware counters"));
            Assert.That(summary, Does.Contain("passed: doctor\nfailed: gpu-tests rerun tests\nskipped: ncu\n"));
        }
    }

    [Test]
    public void All_parts_that_pass_are_exit_0_and_everything_is_in_one_archive()
    {
        var (code, summary) = Check(Works, TestsPass, "--only", "doctor,tests");
        var archive = Directory.GetFiles(Folder.Path, "out.tar.*").Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.Zero, summary);
            Assert.That(summary, Does.Contain("passed: doctor tests\nfailed: none\nskipped: none\n"));
            Assert.That(Run("tar", ["tf", archive], []).Output, Does.Contain("out/summary.txt").And.Contain("out/tests.log").And.Contain("out/doctor.json"));
        }
    }

    [Test]
    public void A_part_that_hangs_is_stopped_and_what_comes_after_it_runs()
    {
        var (code, summary) = Check(Hangs, TestsPass, "--only", "doctor,tests", "--minutes", "0.2");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(code, Is.EqualTo(1), summary);
            Assert.That(summary, Does.Match(@"failed +doctor +\d+ s +stopped after 2 s"));
            Assert.That(summary, Does.Match(@"passed +tests "));
        }
    }

    [TestCase("--minutes", "soon")]
    [TestCase("--only", "everything")]
    [TestCase("--fast", "please")]
    public void What_it_does_not_understand_is_exit_2(params string[] arguments) => Assert.That(Check(Works, TestsPass, arguments).Code, Is.EqualTo(2));

    private (int Code, string Summary) Check(string ldae, string dotnet, params string[] arguments)
    {
        var pack = Folder["bin"];
        Program(Path.Combine(pack, "app", "ldae"), ldae);
        Program(Path.Combine(pack, "dotnet", "dotnet"), dotnet);
        var output = Folder["out"];
        var script = Path.Combine(RepositoryFiles.Root, "tools", "gpu-check.sh");
        var (code, _) = Run("bash", [script, "--device", "emulated", "--out", output, .. arguments], [("LDAE_PACK", pack)]);
        var summary = Path.Combine(output, "summary.txt");
        return (code, File.Exists(summary) ? File.ReadAllText(summary) : "");
    }

    private static void Program(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text.ReplaceLineEndings("\n") + "\n");
        Run("chmod", ["+x", path], []);
    }

    private static (int Code, string Output) Run(string program, string[] arguments, (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Text;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// Planted mistakes (tests/Cuda/mutants), each in a child process of its own: with the mistake the kernel is caught, without it the
/// same kernel passes. The child is this test again, told by an environment variable what to run.
/// </summary>
public sealed class EmulatorMutantTests
{
    private const string Child = "LDAE_TEST_MUTANT", Right = "the result is right", Wrong = "caught by its result", Fault = "caught by the device";

    [TestCase("block_barrier", Wrong)]
    [TestCase("copy_wait", Wrong)]
    [TestCase("warp_barrier", Wrong)]
    [TestCase("read_past_tensor", Fault)]
    [TestCase("write_past_shared", Fault)]
    public void Is_caught(string mutant, string how)
    {
        if (Environment.GetEnvironmentVariable(Child) is { } planted)
        {
            // Past the test framework, which keeps what tests write until they end.
            using var output = Console.OpenStandardOutput();
            output.Write(Encoding.UTF8.GetBytes(Run(mutant, int.Parse(planted, CultureInfo.InvariantCulture)) + "\n"));
            return;
        }

        EmulatedBackendTests.Device();
        Assert.That(InChild(mutant, planted: 0, sanitized: false), Does.Contain(Right));
        Assert.That(InChild(mutant, planted: 1, sanitized: false), Does.Contain(how).And.Not.Contain(Right));
    }

    [TestCase("read_past_tensor", "mutants/read_past_tensor.cu:7")]
    [TestCase("write_past_shared", "mutants/write_past_shared.cu:8")]
    [Category("Long")]
    public void Stops_under_the_address_sanitizer(string mutant, string line)
    {
        EmulatedBackendTests.Device();
        Assert.That(InChild(mutant, planted: 0, sanitized: true), Does.Contain(Right));
        Assert.That(InChild(mutant, planted: 1, sanitized: true), Does.Contain("AddressSanitizer").And.Contain(line).And.Not.Contain(Right));
    }

    private static string Run(string mutant, int planted)
    {
        const int Count = 64;
        var reads = mutant == "read_past_tensor";
        var mode = Environment.GetEnvironmentVariable("LDAE_ARENA") == "guard" ? ArenaMode.Guard : ArenaMode.Packed;
        using var program = new EmulatedProgram($"mutants/{mutant}.cu", mode, ("MUTANT", planted));
        var x = program.Floats(Enumerable.Range(0, Count).Select(i => i + 1f).ToArray());
        var y = program.Floats(new float[Count]);
        try
        {
            program.Launch("run", 1, Count, reads ? 0 : Count * Bytes(mutant), [x, y], Count);
        }
        catch (LdaeException e)
        {
            return $"{Fault}: {e.Message}";
        }

        var expected = Enumerable.Range(0, Count).Select(i => mutant switch
        {
            "block_barrier" or "copy_wait" => Count - i,
            "read_past_tensor" => Count * (Count + 1) / 2f,
            "write_past_shared" => i + 1f,
            _ => WarpBarrierValue(i),
        });
        return program.Read(y).SequenceEqual(expected) ? Right : $"{Wrong}: {string.Join(' ', program.Read(y))}";
    }

    private static int Bytes(string mutant) => mutant == "warp_barrier" ? 16 : sizeof(float);

    // Matrix m's row r is elements 64 m + 8 r and on of the tile, and element e holds lane e % 32's value: lane l reads, of row
    // l / 4, columns 2 (l % 4) and the next, in four matrices that start at multiples of 64.
    private static float WarpBarrierValue(int thread)
    {
        var (warp, lane) = (thread / 32, thread % 32);
        var element = (8 * (lane / 4)) + (2 * (lane % 4));
        var low = (32 * warp) + (element % 32) + 1f;
        return 4 * (low + low + 1) / 8;
    }

    private static string InChild(string mutant, int planted, bool sanitized)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment[Child] = planted.ToString(CultureInfo.InvariantCulture);
        start.Environment["LDAE_ARENA"] = "guard";
        if (sanitized)
        {
            SanitizedChild.Prepare(start);
        }

        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(typeof(EmulatorMutantTests).Assembly.Location);
        }

        string[] arguments = ["--no-ansi", "--progress", "off", "--filter", $"FullyQualifiedName~EmulatorMutantTests.Is_caught&Name~{mutant}"];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var child = Process.Start(start)!;
        var errors = child.StandardError.ReadToEndAsync();
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return output + errors.Result;
    }
}

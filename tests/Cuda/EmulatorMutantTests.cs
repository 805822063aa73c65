using System.Globalization;
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

    // 61 numbers end 12 bytes before the next allocation that divides by 16: the guard page is not reached.
    [TestCase("block_barrier", Wrong, 64)]
    [TestCase("copy_wait", Wrong, 64)]
    [TestCase("warp_barrier", Wrong, 64)]
    [TestCase("read_past_tensor", Fault, 64)]
    [TestCase("read_past_tensor", Wrong, 61)]
    [TestCase("write_past_shared", Fault, 64)]
    [TestCase("write_past_shared", Fault, 61)]
    public async Task Is_caught(string mutant, string how, int count)
    {
        if (Environment.GetEnvironmentVariable(Child) is { } asked)
        {
            var numbers = asked.Split(' ').Select(number => int.Parse(number, CultureInfo.InvariantCulture)).ToArray();
            if (numbers[1] == count)
            {
                SanitizedChild.Announce();
                SanitizedChild.Write(Run(mutant, numbers[0], count));
            }

            return;
        }

        EmulatedBackendTests.Device();
        Assert.That((await InChild(mutant, count, planted: 0, sanitized: false)).Output, Does.Contain(Right));
        Assert.That((await InChild(mutant, count, planted: 1, sanitized: false)).Output, Does.Contain(how).And.Not.Contain(Right));
    }

    /// <summary>By the way that the op cases take; the report names file and line, the complaint the test.</summary>
    [TestCase("read_past_tensor", 64, "read_past_tensor.cu:7")]
    [TestCase("read_past_tensor", 61, "read_past_tensor.cu:7")]
    [TestCase("write_past_shared", 64, "write_past_shared.cu:8")]
    [TestCase("write_past_shared", 61, "write_past_shared.cu:8")]
    public async Task Stops_under_the_address_sanitizer(string mutant, int count, string line)
    {
        var right = await InChild(mutant, count, planted: 0, sanitized: true);
        Assert.That(right.Complaint, Is.Empty);
        Assert.That(right.Output, Does.Contain(Right));
        var wrong = await InChild(mutant, count, planted: 1, sanitized: true);
        Assert.That(wrong.Complaint, Does.Contain("AddressSanitizer").And.Contain(line).And.Contain($"{nameof(Is_caught)}(\"{mutant}\""));
        Assert.That(wrong.Output, Does.Not.Contain(Right));
    }

    private static string Run(string mutant, int planted, int count)
    {
        var reads = mutant == "read_past_tensor";
        var mode = Environment.GetEnvironmentVariable("LDAE_ARENA") == "guard" ? ArenaMode.Guard : ArenaMode.Packed;
        using var program = new EmulatedProgram($"mutants/{mutant}.cu", mode, ("MUTANT", planted));
        var x = program.Floats(Enumerable.Range(0, count).Select(i => i + 1f).ToArray());
        var y = program.Floats(new float[count]);
        try
        {
            program.Launch("run", 1, count, reads ? 0 : count * Bytes(mutant), [x, y], count);
        }
        catch (LdaeException e)
        {
            return $"{Fault}: {e.Message}";
        }

        var expected = Enumerable.Range(0, count).Select(i => mutant switch
        {
            "block_barrier" or "copy_wait" => count - i,
            "read_past_tensor" => count * (count + 1) / 2f,
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

    private static async Task<SanitizedChild.Outcome> InChild(string mutant, int count, int planted, bool sanitized) => await SanitizedChild.Run(
        $"FullyQualifiedName~{nameof(EmulatorMutantTests)}.{nameof(Is_caught)}&Name~{mutant}",
        sanitized,
        (Child, string.Create(CultureInfo.InvariantCulture, $"{planted} {count}")),
        ("LDAE_ARENA", "guard")).ConfigureAwait(false);
}

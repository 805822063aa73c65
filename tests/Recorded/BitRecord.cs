using System.Globalization;
using System.Text;
using System.Text.Json;
using LDaeCore.Tests.House;
using NUnit.Framework;

namespace LDaeCore.Tests.Recorded;

/// <summary>
/// The record of outcomes, <c>tests/goldens/recorded/bits.jsonl</c>: one line a case. <c>LDAE_RECORD=all</c> writes the cases that are run anew,
/// <c>LDAE_RECORD=missing</c> only those that have no line yet. Where <see cref="Arithmetic"/> is the record's, every digit must agree; elsewhere losses
/// must be near, and the test says so.
/// </summary>
internal static class BitRecord
{
    private const string Variable = "LDAE_RECORD";

    /// <summary>
    /// How far losses may be from a record of another arithmetic, relative: ten times and more what was measured with products and sums that are not
    /// fused, 2.2e-7 in float32 and 4.5e-4 in bf16.
    /// </summary>
    private const double Near = 1e-5, NearInBf16 = 5e-3;

    private static readonly SortedDictionary<string, Line> Lines = Read();

    /// <summary>The file.</summary>
    public static string FilePath => Path.Combine(RepositoryFiles.Root, "tests", "goldens", "recorded", "bits.jsonl");

    /// <summary>Every case that has a line.</summary>
    public static IEnumerable<string> Cases => Lines.Keys;

    private static string Mode => Environment.GetEnvironmentVariable(Variable) ?? "";

    /// <summary>Requires that a case came out as recorded, or records it.</summary>
    /// <param name="name">The case.</param>
    /// <param name="actual">What it came to.</param>
    /// <param name="emulated">Whether it ran on the emulated device.</param>
    /// <param name="bf16">Whether its activations were in bf16.</param>
    public static void Require(string name, Outcome actual, bool emulated = false, bool bf16 = false)
    {
        Assert.That(Mode, Is.EqualTo("").Or.EqualTo("all").Or.EqualTo("missing"), Variable);
        var arithmetic = emulated ? Arithmetic.Emulated : Arithmetic.Cpu;
        var known = Lines.TryGetValue(name, out var line);
        if (Mode == "all" || (Mode == "missing" && !known))
        {
            Lines[name] = new Line(arithmetic, actual);
            Write();
            return;
        }

        Assert.That(known, Is.True, $"{name} has no record. Run this test with {Variable}=missing, and commit {FilePath}.");
        if (line!.Arithmetic == arithmetic)
        {
            Same(name, line.Outcome, actual);
        }
        else
        {
            Close(name, line, arithmetic, actual, bf16 ? NearInBf16 : Near);
        }
    }

    /// <summary>Whether a case was recorded with this machine's arithmetic, on the processor.</summary>
    public static bool HasThisArithmetic(string name) => Lines.TryGetValue(name, out var line) && line.Arithmetic == Arithmetic.Cpu;

    /// <summary>Forgets the lines of cases that are no more, where all are recorded anew.</summary>
    public static void KeepOnly(IReadOnlyCollection<string> names)
    {
        if (Mode == "all")
        {
            foreach (var gone in Lines.Keys.Except(names).ToArray())
            {
                Lines.Remove(gone);
            }

            Write();
        }
    }

    private static void Same(string name, Outcome recorded, Outcome actual)
    {
        Assert.That(actual.Losses, Has.Length.EqualTo(recorded.Losses.Length), $"{name}: steps with a loss");
        for (var i = 0; i < actual.Losses.Length; i++)
        {
            if (BitConverter.DoubleToInt64Bits(actual.Losses[i]) != BitConverter.DoubleToInt64Bits(recorded.Losses[i]))
            {
                Assert.Fail($"{name}: other bits from {Describe(i, recorded, actual)}.");
            }
        }

        Assert.That(actual.Parameters, Is.EqualTo(recorded.Parameters), $"{name}: the losses agree to the bit, the tensors of the last checkpoint do not");
    }

    /// <summary>Losses near those of a machine that rounds otherwise.</summary>
    private static void Close(string name, Line recorded, string arithmetic, Outcome actual, double near)
    {
        Assert.That(actual.Losses, Has.Length.EqualTo(recorded.Outcome.Losses.Length), $"{name}: steps with a loss");
        var bits = actual.Losses.SequenceEqual(recorded.Outcome.Losses) && actual.Parameters == recorded.Outcome.Parameters;
        var worst = Enumerable.Range(0, actual.Losses.Length).MaxBy(i => Difference(i, recorded.Outcome, actual));
        var found = bits
            ? "they agree to the bit"
            : $"losses are compared within {near:G2}, the parameters not at all; the farthest is {Describe(worst, recorded.Outcome, actual)}";
        TestContext.Progress.WriteLine($"{name}: recorded with [{recorded.Arithmetic}], this machine has [{arithmetic}]: {found}.");
        Assert.That(Difference(worst, recorded.Outcome, actual), Is.LessThanOrEqualTo(near), $"{name}: {Describe(worst, recorded.Outcome, actual)}");
    }

    private static double Difference(int i, Outcome recorded, Outcome actual) => Math.Abs(actual.Losses[i] - recorded.Losses[i]) / Math.Abs(recorded.Losses[i]);

    private static string Describe(int i, Outcome recorded, Outcome actual) => string.Create(
        CultureInfo.InvariantCulture,
        $"step {i + 1} of {actual.Losses.Length}: recorded {recorded.Losses[i]:R}, found {actual.Losses[i]:R}, " +
        $"relative difference {Difference(i, recorded, actual):G3}");

    private static SortedDictionary<string, Line> Read()
    {
        var lines = new SortedDictionary<string, Line>(StringComparer.Ordinal);
        foreach (var text in File.Exists(FilePath) ? File.ReadLines(FilePath) : [])
        {
            using var json = JsonDocument.Parse(text);
            var root = json.RootElement;
            double[] losses = [.. root.GetProperty("losses").EnumerateArray().Select(loss => loss.GetDouble())];
            string Text(string name) => root.GetProperty(name).GetString()!;
            lines.Add(Text("case"), new Line(Text("arithmetic"), new Outcome(losses, Text("parameters"))));
        }

        return lines;
    }

    private static void Write()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(FilePath)!);
        var text = new StringBuilder();
        foreach (var (name, line) in Lines)
        {
            var losses = string.Join(',', line.Outcome.Losses.Select(loss => loss.ToString("R", CultureInfo.InvariantCulture)));
            text.Append(CultureInfo.InvariantCulture, $$"""{"case":"{{name}}","arithmetic":"{{line.Arithmetic}}","losses":[{{losses}}],""")
                .Append(CultureInfo.InvariantCulture, $"\"parameters\":\"{line.Outcome.Parameters}\"}}\n");
        }

        File.WriteAllText(FilePath, text.ToString());
    }

    private sealed record Line(string Arithmetic, Outcome Outcome);
}

using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>The attention kernels against the reference, forward and backward, over head sizes and lengths; emulated, and on a GPU where there is one.</summary>
[TestFixture(DeviceKind.Emulated)]
[TestFixture(DeviceKind.Cuda)]
public sealed class AttentionTests(DeviceKind kind)
{
    // Lengths around the tiles' edges: 16 rows of a product, 32 and 64 of tiles, 256 that a resident head has; and what a ViT has.
    private static readonly int[] s_lengths = [1, 2, 17, 63, 64, 65, 197, 255, 256, 257, 577, 1023, 1024];

    private CudaBackend _bf16 = null!, _fp32 = null!;

    private static IEnumerable<TestCaseData> LongCases() =>
        from size in (int[])[32, 64, 80, 128]
        from tokens in s_lengths
        select new TestCaseData(1, tokens, tokens > 100 ? 1 : 2, size);

    [OneTimeSetUp]
    public void Open()
    {
        try
        {
            var device = CudaDevice.Open(kind);
            _bf16 = new CudaBackend(device, new CudaOptions { ActivationType = DType.BF16, Autotune = false });
            _fp32 = new CudaBackend(device, new CudaOptions { ActivationType = DType.F32, Autotune = false });
        }
        catch (LdaeException e) when (e.Kind == ErrorKind.Device)
        {
            Requirement.Missing(kind == DeviceKind.Cuda ? Requirement.Cuda : Requirement.Emulator, e.Message);
        }
    }

    [SetUp]
    public void SayWhichCaseRuns() => SanitizedChild.Announce();

    [OneTimeTearDown]
    public void Close()
    {
        _bf16?.Dispose();
        _fp32?.Dispose();
    }

    [TestCase(1, 1, 1, 64)]
    [TestCase(2, 17, 2, 64)]
    [TestCase(1, 49, 3, 64)]
    [TestCase(1, 64, 1, 64)]
    [TestCase(1, 130, 2, 64)]
    [TestCase(1, 256, 1, 64)]
    [TestCase(1, 300, 1, 64)]
    [TestCase(2, 5, 2, 32)]
    [TestCase(1, 197, 1, 32)]
    [TestCase(1, 16, 1, 80)]
    [TestCase(1, 65, 2, 80)]
    [TestCase(1, 197, 1, 80)]
    [TestCase(1, 17, 1, 128)]
    [TestCase(1, 130, 1, 128)]
    [TestCase(1, 70, 1, 16)]
    [TestCase(1, 70, 1, 48)]
    [TestCase(1, 70, 1, 96)]
    [TestCase(1, 200, 1, 96)]
    [TestCase(1, 70, 1, 112)]
    [TestCase(1, 200, 1, 112)]
    [TestCase(1, 33, 3, 5)]
    [TestCase(1, 20, 2, 12)]
    public void Bf16_is_no_worse_than_twice_a_naive_bf16_computation(int images, int tokens, int heads, int size) =>
        HoldBf16(new AttentionProblem(images, tokens, heads, size));

    [TestCase(1, 1, 1, 64)]
    [TestCase(2, 49, 2, 64)]
    [TestCase(1, 130, 1, 64)]
    [TestCase(1, 65, 2, 80)]
    [TestCase(1, 70, 1, 128)]
    [TestCase(2, 33, 2, 32)]
    [TestCase(1, 40, 1, 16)]
    [TestCase(1, 40, 1, 48)]
    [TestCase(1, 40, 1, 96)]
    [TestCase(1, 40, 1, 112)]
    [TestCase(1, 33, 3, 5)]
    [TestCase(1, 40, 1, 256)]
    public void Fp32_agrees_with_the_reference(int images, int tokens, int heads, int size) =>
        HoldFp32(images, tokens, heads, size);

    [TestCaseSource(nameof(LongCases))]
    [Category("Long")]
    public void Bf16_at_every_size_and_length(int images, int tokens, int heads, int size) =>
        HoldBf16(new AttentionProblem(images, tokens, heads, size));

    [TestCaseSource(nameof(LongCases))]
    [Category("Long")]
    public void Fp32_at_every_size_and_length(int images, int tokens, int heads, int size) =>
        HoldFp32(images, tokens, heads, size);

    /// <summary>Weights that are nearly one-hot: scores with a standard deviation of 16.</summary>
    [TestCase(70, 64)]
    [TestCase(70, 80)]
    public void Large_scores_neither_overflow_nor_lose_the_maximum(int tokens, int size) =>
        HoldBf16(new AttentionProblem(1, tokens, 1, size, magnitude: 4));

    /// <summary>
    /// Every score is about -72 sqrt(D), far below zero, so exp(0 - lse) of the zero rows past the last key would be infinite if nothing
    /// held it. The keys hardly differ, so dQ is a small difference of large numbers: what float32 leaves of it is the tolerance.
    /// </summary>
    [TestCase(70, 64, false)]
    [TestCase(300, 64, false)]
    [TestCase(70, 12, false)]
    [TestCase(70, 64, true)]
    public void Rows_past_the_last_key_do_nothing_however_low_all_scores_are(int tokens, int size, bool fp32)
    {
        var problem = new AttentionProblem(
            1, tokens, 1, size, (part, i) => part switch { 0 => 8, 1 => -8 - (2 * Math.Abs(Math.Sin(7 * i))), _ => Math.Sin(i) });
        if (fp32)
        {
            HoldFp32(problem, 5e-3);
        }
        else
        {
            HoldBf16(problem);
        }
    }

    [TestCase(1, 130, 2, 64)]
    [TestCase(1, 300, 1, 32)]
    public void Two_runs_give_the_same_bits(int images, int tokens, int heads, int size)
    {
        var problem = new AttentionProblem(images, tokens, heads, size);
        foreach (var ((name, first), (_, second)) in problem.Run(_bf16).All.Zip(problem.Run(_bf16).All))
        {
            Assert.That(second, Is.EqualTo(first), name);
        }
    }

    [Test]
    public void A_head_too_large_for_the_kernels_is_refused()
    {
        var problem = new AttentionProblem(1, 2, 1, 272);
        Assert.That(() => problem.Run(_bf16), Throws.ArgumentException.With.Message.Contains("256"));
    }

    private void HoldFp32(int images, int tokens, int heads, int size) =>
        HoldFp32(new AttentionProblem(images, tokens, heads, size), 1e-5 * Math.Max(1, Math.Sqrt(Math.Max(tokens, size) / 64.0)));

    private void HoldFp32(AttentionProblem problem, double tolerance)
    {
        using var reference = new ReferenceBackend();
        foreach (var (name, error) in problem.Run(_fp32).Errors(problem.Run(reference)))
        {
            Assert.That(error, Is.LessThanOrEqualTo(tolerance), name);
        }
    }

    private void HoldBf16(AttentionProblem problem)
    {
        using var reference = new ReferenceBackend();
        var expected = problem.Run(reference);
        using var plain = new NaiveBf16Backend();
        var naive = problem.Run(plain).Errors(expected).ToDictionary(e => e.Name, e => e.Error);
        foreach (var (name, error) in problem.Run(_bf16).Errors(expected))
        {
            // The log-sum-exp is kept in float32.
            var tolerance = name == "lse" ? 1e-5 : Math.Max(2 * naive[name], 1e-5);
            Assert.That(error, Is.LessThanOrEqualTo(tolerance), $"{name}; naive {naive[name]}");
        }
    }
}

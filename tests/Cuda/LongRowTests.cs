using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// Rows and patches of lengths that the op cases do not have: each way of spreading a row over threads (RowShape) and a patch over lanes
/// (PatchShape) is met by one length that fills it and one that is odd.
/// </summary>
public sealed class LongRowTests
{
    private static readonly int[] RowLengths = [256, 257, 512, 640, 1023, 1032, 2056, 3001, 4097];
    private static readonly int[] PatchLengths = [65, 75, 192, 193, 768, 769, 1200];

    private static IEnumerable<TestCaseData> Rows() => RowLengths.SelectMany(length => new[] { Modulated(length), Affine(length) }).Select(Named);

    private static IEnumerable<TestCaseData> Patches() => PatchLengths.SelectMany(length => new[] { Noise(length), Loss(length) }).Select(Named);

    [SetUp]
    public void SayWhichCaseRuns() => SanitizedChild.Announce();

    [TestCaseSource(nameof(Rows))]
    [TestCaseSource(nameof(Patches))]
    public void Agrees_with_the_reference_in_float32(OpCase opCase) => CudaCases.AgreesInFloat32(opCase, EmulatedBackendTests.Device());

    [TestCaseSource(nameof(Rows))]
    [TestCaseSource(nameof(Patches))]
    public void Is_as_good_as_bf16_allows(OpCase opCase) => CudaCases.AgreesInBf16(opCase, EmulatedBackendTests.Device());

    private static TestCaseData Named(OpCase opCase) => new TestCaseData(opCase).SetArgDisplayNames(opCase.ToString());

    private static OpCase Modulated(int width) => new(
        "layernorm",
        $"2x3x{width} gate, modulate",
        [
            new("x", new Shape(6, width)), new("branch", new Shape(6, width)), new("table", new Shape(2, 3 * width)) { Scale = 0.2 },
        ],
        (tape, i) =>
        {
            var (h, y) = Normalization.Apply(tape, i[0], i[1], new Modulation(i[2], 1), new Modulation(i[2], 0), new Modulation(i[2], 2));
            return [h, y];
        })
    {
        SumLength = width,
    };

    private static OpCase Affine(int width) => new(
        "layernorm",
        $"5x{width} affine",
        [
            new("x", new Shape(5, width)),
            new("weight", new Shape(width)) { Mean = 1, Scale = 0.2, IsParameter = true },
            new("bias", new Shape(width)) { Scale = 0.2, IsParameter = true },
        ],
        (tape, i) => [Normalization.Apply(tape, i[0], weight: i[1], bias: i[2])])
    {
        SumLength = width,
    };

    private static OpCase Noise(int length) => new(
        "latent noise",
        $"3x3x{length}",
        [
            new("clean", new Shape(3, 3, length)),
            new("mean", new Shape(length)) { Scale = 0.1, IsParameter = true },
            new("basis", new Shape(9, length)) { Orthonormal = true, IsParameter = true },
            new("std", new Shape(9)) { Positive = true, Mean = 2, Scale = 0.3, IsParameter = true },
            new("gamma", new Shape(3)) { Positive = true, IsParameter = true },
            new("sigma", new Shape(3)) { Positive = true, IsParameter = true },
        ],
        (tape, i) =>
        {
            var args = new LatentNoiseArgs(i[0], i[1], i[2], i[3], i[4], i[5]) { Seed = 12, Step = 5 };
            return [LatentNoise.Apply(tape, args), LatentNoise.Latents(tape, args)];
        })
    {
        SumLength = length,
        Differentiable = false,
    };

    private static OpCase Loss(int length) => new(
        "pca loss",
        $"3x3x{length}",
        [
            new("prediction", new Shape(3, 3, length)), new("clean", new Shape(3, 3, length)) { Differentiable = false },
            new("basis", new Shape(9, length)) { Orthonormal = true, Differentiable = false, IsParameter = true },
            new("lambda", new Shape(3)) { Positive = true, Differentiable = false, IsParameter = true },
        ],
        (tape, i) => [PcaLoss.Apply(tape, i[0], i[1], i[2], i[3], 1, 0.1)])
    {
        SumLength = 9 * length,
        FirstElementOnly = true,
    };
}

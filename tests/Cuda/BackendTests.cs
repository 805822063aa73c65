using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>Every op case on a CUDA device: forward and backward, float32 and bf16, against the reference. What the emulator proves, a GPU confirms.</summary>
public abstract class BackendTests
{
    [SetUp]
    public void SayWhichCaseRuns() => SanitizedChild.Announce();

    [TestCaseSource(typeof(CudaCases), nameof(CudaCases.All))]
    public void Results_and_gradients_agree_with_the_reference_in_float32(OpCase opCase) => CudaCases.AgreesInFloat32(opCase, Opened());

    [TestCaseSource(typeof(CudaCases), nameof(CudaCases.All))]
    public void Results_and_gradients_are_as_good_as_bf16_allows(OpCase opCase) => CudaCases.AgreesInBf16(opCase, Opened());

    [TestCaseSource(typeof(CudaCases), nameof(CudaCases.All))]
    public void A_second_run_gives_the_same_bits(OpCase opCase)
    {
        foreach (var type in RepeatedTypes)
        {
            CudaCases.Repeats(opCase, Opened(), type);
        }
    }

    /// <summary>The element types of activations that are run twice.</summary>
    private protected virtual IReadOnlyList<DType> RepeatedTypes => [DType.F32, DType.BF16];

    /// <summary>The device; ends the test as skipped where there is none.</summary>
    private protected abstract CudaDevice Opened();
}

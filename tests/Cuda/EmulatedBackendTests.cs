using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>Every op case on the emulated device: forward and backward, float32 and bf16, against the reference.</summary>
public sealed class EmulatedBackendTests
{
    private static readonly Lazy<CudaDevice> Opened = new(() => CudaDevice.Open(DeviceKind.Emulated), LazyThreadSafetyMode.PublicationOnly);

    private static IEnumerable<TestCaseData> Cases() => CudaCases.All();

    [TestCaseSource(nameof(Cases))]
    public void Results_and_gradients_agree_with_the_reference_in_float32(OpCase opCase) => CudaCases.AgreesInFloat32(opCase, Device());

    [TestCaseSource(nameof(Cases))]
    public void Results_and_gradients_are_as_good_as_bf16_allows(OpCase opCase) => CudaCases.AgreesInBf16(opCase, Device());

    [TestCaseSource(nameof(Cases))]
    public void A_second_run_gives_the_same_bits(OpCase opCase) => CudaCases.Repeats(opCase, Device(), DType.F32);

    internal static CudaDevice Device()
    {
        try
        {
            return Opened.Value;
        }
        catch (LdaeException e)
        {
            Requirement.Missing(Requirement.Emulator, $"{e.Message} {e.Remedy}");
            throw;
        }
    }
}

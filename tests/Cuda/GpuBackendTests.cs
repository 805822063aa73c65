using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>The same op cases on the first GPU: what the emulator proved, confirmed by the hardware. LDAE_REQUIRE=cuda makes a missing GPU a failure.</summary>
public sealed class GpuBackendTests
{
    private static readonly Lazy<CudaDevice> Opened = new(() => CudaDevice.Open(DeviceKind.Cuda), LazyThreadSafetyMode.PublicationOnly);

    private static IEnumerable<TestCaseData> Cases() => CudaCases.All();

    [TestCaseSource(nameof(Cases))]
    public void Results_and_gradients_agree_with_the_reference_in_float32(OpCase opCase) => CudaCases.AgreesInFloat32(opCase, Device());

    [TestCaseSource(nameof(Cases))]
    public void Results_and_gradients_are_as_good_as_bf16_allows(OpCase opCase) => CudaCases.AgreesInBf16(opCase, Device());

    [TestCaseSource(nameof(Cases))]
    public void A_second_run_gives_the_same_bits(OpCase opCase)
    {
        CudaCases.Repeats(opCase, Device(), DType.F32);
        CudaCases.Repeats(opCase, Device(), DType.BF16);
    }

    internal static CudaDevice Device()
    {
        try
        {
            return Opened.Value;
        }
        catch (LdaeException e)
        {
            Requirement.Missing(Requirement.Cuda, e.Message);
            throw;
        }
    }
}

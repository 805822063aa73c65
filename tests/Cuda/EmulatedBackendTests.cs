using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Tests.Cuda;

/// <summary>The op cases on the emulated device.</summary>
public sealed class EmulatedBackendTests : BackendTests
{
    private static readonly Lazy<CudaDevice> Emulator = new(() => CudaDevice.Open(DeviceKind.Emulated), LazyThreadSafetyMode.PublicationOnly);

    // The order of sums is the same code in both types; the emulator is slow.
    private protected override IReadOnlyList<DType> RepeatedTypes => [DType.F32];

    internal static CudaDevice Device()
    {
        try
        {
            return Emulator.Value;
        }
        catch (LdaeException e)
        {
            Requirement.Missing(Requirement.Emulator, $"{e.Message} {e.Remedy}");
            throw;
        }
    }

    private protected override CudaDevice Opened() => Device();
}

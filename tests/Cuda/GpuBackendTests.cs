using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Tests.Cuda;

/// <summary>The op cases on the first GPU. LDAE_REQUIRE=cuda makes a missing GPU a failure.</summary>
public sealed class GpuBackendTests : BackendTests
{
    private static readonly Lazy<CudaDevice> Gpu = new(() => CudaDevice.Open(DeviceKind.Cuda), LazyThreadSafetyMode.PublicationOnly);

    private protected override CudaDevice Opened()
    {
        try
        {
            return Gpu.Value;
        }
        catch (LdaeException e)
        {
            Requirement.Missing(Requirement.Cuda, e.Message);
            throw;
        }
    }
}

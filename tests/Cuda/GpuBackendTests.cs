using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Tests.Cuda;

/// <summary>The op cases on the first GPU. LDAE_REQUIRE=cuda makes a missing GPU a failure.</summary>
public sealed class GpuBackendTests : BackendTests
{
    private static readonly Lazy<CudaDevice> Gpu = new(Open, LazyThreadSafetyMode.PublicationOnly);

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

    private static CudaDevice Open()
    {
        var device = CudaDevice.Open(DeviceKind.Cuda);

        // The cases open a backend each and compile what is missing one by one: with every core at work first, they find it in the cache.
        _ = CudaCases.CompileAll(device);
        return device;
    }
}

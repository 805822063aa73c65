using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>One GPU, real or emulated, and the native libraries that drive it.</summary>
public sealed class CudaDevice
{
    // The least that the kernels' bf16 matrix instructions and asynchronous copies need.
    private const int MinimumCapability = 80;

    private CudaDevice(NativeLibraries libraries, int ordinal)
    {
        var driver = libraries.Driver;
        var count = driver.DeviceCount;
        if (ordinal >= count)
        {
            throw new LdaeException(
                ErrorKind.Device,
                string.Create(CultureInfo.InvariantCulture, $"There is no GPU number {ordinal}: the driver at {driver.Library.Path} sees {count}."),
                count == 0 ? "Check nvidia-smi and CUDA_VISIBLE_DEVICES." : $"Use --device cuda:0{(count > 1 ? $" to cuda:{count - 1}" : "")}.");
        }

        Libraries = libraries;
        Ordinal = ordinal;
        Handle = driver.Device(ordinal);
        Name = driver.DeviceName(Handle);
        Capability = (10 * driver.DeviceNumber(DeviceNumber.ComputeMajor, Handle)) + driver.DeviceNumber(DeviceNumber.ComputeMinor, Handle);
        Multiprocessors = driver.DeviceNumber(DeviceNumber.Multiprocessors, Handle);
        MaxSharedBytesPerBlock = driver.DeviceNumber(DeviceNumber.SharedMemoryPerBlock, Handle);
        MemoryBytes = driver.DeviceMemory(Handle);
        if (Capability < MinimumCapability)
        {
            throw new LdaeException(
                ErrorKind.Device,
                string.Create(CultureInfo.InvariantCulture, $"{Name} has compute capability {Capability / 10}.{Capability % 10}; the kernels need 8.0."),
                "Use a GPU of the Ampere generation or newer, or --device cpu.");
        }

        if (driver.DeviceNumber(DeviceNumber.MemoryPools, Handle) == 0)
        {
            throw new LdaeException(ErrorKind.Device, $"The driver of {Name} has no stream-ordered memory.", LibraryKind.Driver.Remedy);
        }
    }

    /// <summary>Cuda or Emulated.</summary>
    public DeviceKind Kind => Libraries.Kind;

    /// <summary>Number among the process's GPUs.</summary>
    public int Ordinal { get; }

    /// <summary>Name by its maker.</summary>
    public string Name { get; }

    /// <summary>Compute capability, 10 major + minor: 90 is an H100 or H200.</summary>
    public int Capability { get; }

    /// <summary>Streaming multiprocessors.</summary>
    public int Multiprocessors { get; }

    /// <summary>Shared memory that a block can have, bytes.</summary>
    public int MaxSharedBytesPerBlock { get; }

    /// <summary>Memory, bytes.</summary>
    public long MemoryBytes { get; }

    internal NativeLibraries Libraries { get; }

    /// <summary>The driver's number of the GPU.</summary>
    internal int Handle { get; }

    /// <summary>Finds a GPU.</summary>
    /// <param name="kind">Cuda or Emulated.</param>
    /// <param name="ordinal">Number among the process's GPUs.</param>
    /// <returns>The GPU; nothing of it is in use yet.</returns>
    /// <exception cref="LdaeException">Device: a library is missing or too old, or there is no such GPU.</exception>
    public static CudaDevice Open(DeviceKind kind, int ordinal = 0) => new(NativeLibraries.Of(kind), ordinal);

    internal static CudaDevice Open(NativeLibraries libraries, int ordinal = 0) => new(libraries, ordinal);
}

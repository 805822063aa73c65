using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Interop;

/// <summary>
/// The native libraries of one kind of device, loaded together. Only this type knows that the emulated device replaces NVIDIA's four libraries
/// by one of this project.
/// </summary>
/// <param name="Kind">The device they serve.</param>
/// <param name="Driver">The driver.</param>
/// <param name="Nvrtc">The run-time compiler.</param>
/// <param name="CublasLt">Matrix products.</param>
/// <param name="FindNccl">Finds the library of collectives, which only several processes need.</param>
/// <param name="Nvtx">Names of ranges for NVIDIA's tools, or null: nothing depends on it.</param>
internal sealed record NativeLibraries(DeviceKind Kind, CudaDriver Driver, Nvrtc Nvrtc, CublasLt CublasLt, Func<LoadedLibrary> FindNccl, Nvtx? Nvtx = null)
{
    private readonly Lazy<Nccl> _nccl = new(() => new Nccl(FindNccl()));

    private static readonly Lazy<NativeLibraries> Cuda = new(() => Load(LibrarySearch.OfThisProcess), LazyThreadSafetyMode.PublicationOnly);

    private static readonly Lazy<NativeLibraries> Emulated = new(
        () =>
        {
            var library = EmulatorLibrary.Load();
            return new NativeLibraries(DeviceKind.Emulated, new CudaDriver(library), new Nvrtc(library), new CublasLt(library), () => library);
        },
        LazyThreadSafetyMode.PublicationOnly);

    /// <summary>Collectives between GPUs, searched at first use.</summary>
    /// <exception cref="LdaeException">Device: the library is missing; the remedy says how to install it.</exception>
    public Nccl Nccl => _nccl.Value;

    /// <summary>The libraries of a GPU, in the order in which they are searched.</summary>
    public static IReadOnlyList<LibraryKind> Required { get; } = [LibraryKind.Driver, LibraryKind.Nvrtc, LibraryKind.CublasLt];

    /// <summary>The libraries of a kind of device, loaded once a process.</summary>
    /// <param name="kind">Cuda or Emulated.</param>
    /// <exception cref="LdaeException">Device: one is missing or unusable; the remedy says what to install.</exception>
    public static NativeLibraries Of(DeviceKind kind) => kind switch
    {
        DeviceKind.Cuda => Cuda.Value,
        DeviceKind.Emulated => Emulated.Value,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "This device has no native libraries."),
    };

    /// <summary>Loads NVIDIA's libraries.</summary>
    /// <param name="search">Where to look.</param>
    /// <exception cref="LdaeException">Device: one is missing, or is not what it should be.</exception>
    public static NativeLibraries Load(LibrarySearch search)
    {
        var found = Required.Select(kind => search.Find(kind).Require()).ToArray();
        return new NativeLibraries(
            DeviceKind.Cuda, new CudaDriver(found[0]), new Nvrtc(found[1]), new CublasLt(found[2]), () => search.Find(LibraryKind.Nccl).Require(), Nvtx.Find(search));
    }
}

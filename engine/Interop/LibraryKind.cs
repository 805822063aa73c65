using System.Runtime.InteropServices;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

/// <summary>A native library that the engine may load: its names and how a user installs it.</summary>
/// <param name="Title">Name in messages.</param>
/// <param name="FileNames">Its names for the dynamic loader, newest first.</param>
/// <param name="Probe">A function that every version exports; a file without it is another library.</param>
/// <param name="Remedy">How to install it.</param>
internal sealed record LibraryKind(string Title, IReadOnlyList<string> FileNames, string Probe, string Remedy)
{
    /// <summary>The driver's library; it comes with the kernel module.</summary>
    public static LibraryKind Driver { get; } = new(
        "CUDA driver",
        ["libcuda.so.1"],
        "cuInit",
        "Install NVIDIA's driver (525 or newer for CUDA 12, 580 or newer for CUDA 13) on a machine with an NVIDIA GPU; in a container, start it with the GPU passed through "
            + "(docker run --gpus all).");

    /// <summary>The run-time compiler.</summary>
    public static LibraryKind Nvrtc { get; } = new(
        "NVRTC",
        ["libnvrtc.so.13", "libnvrtc.so.12"],
        "nvrtcVersion",
        "Install it with: pip install nvidia-cuda-nvrtc-cu12 (in an active virtual environment), or Debian's libnvrtc12, or the CUDA toolkit; or set LDAE_CUDA_PATH to the "
            + "folder that holds it. Without a GPU, tools/fetch-nvrtc.sh is enough to compile.");

    /// <summary>Matrix products.</summary>
    public static LibraryKind CublasLt { get; } = new(
        "cuBLASLt",
        ["libcublasLt.so.13", "libcublasLt.so.12"],
        "cublasLtCreate",
        "Install it with: pip install nvidia-cublas-cu12 (in an active virtual environment), or Debian's libcublaslt12, or the CUDA toolkit; or set LDAE_CUDA_PATH to the "
            + "folder that holds it.");

    /// <summary>Collectives between GPUs.</summary>
    public static LibraryKind Nccl { get; } = new(
        "NCCL",
        ["libnccl.so.2"],
        "ncclGetVersion",
        "Only training on several GPUs needs it. Install it with: pip install nvidia-nccl-cu12 (in an active virtual environment), or libnccl2; or set LDAE_CUDA_PATH to the "
            + "folder that holds it.");

    /// <summary>Names of ranges for NVIDIA's tools.</summary>
    public static LibraryKind Nvtx { get; } = new(
        "NVTX",
        ["libnvToolsExt.so.1"],
        "nvtxRangePushA",
        "Only named ranges in Nsight need it. It is part of toolkits up to CUDA 12.8, and of: pip install nvidia-nvtx-cu12 (in an active virtual environment).");

    /// <summary>Collectives between processes on the processor.</summary>
    public static LibraryKind Mpi { get; } = new(
        "Open MPI",
        ["libmpi.so.40"],
        "ompi_mpi_comm_world",
        "Only training by several processes on the processor needs it. Install Debian's openmpi-bin (it brings libopenmpi3), or set LDAE_MPI_PATH to the folder that holds "
            + "libmpi.so.40; MPICH and other MPIs are not supported.")
    {
        Variables = ["LDAE_MPI_PATH", "MPI_HOME"],
        IsCuda = false,
    };

    /// <summary>Environment variables with the folders that are searched first.</summary>
    public IReadOnlyList<string> Variables { get; private init; } = ["LDAE_CUDA_PATH", "CUDA_PATH", "CUDA_HOME"];

    /// <summary>Whether it is searched in the folders of CUDA toolkits and of Python.</summary>
    public bool IsCuda { get; private init; } = true;
}

/// <summary>A native library in the process. It stays loaded until the process ends: function pointers into it are kept everywhere.</summary>
/// <param name="Title">Name in messages.</param>
/// <param name="Path">The file.</param>
/// <param name="Handle">The loader's handle.</param>
/// <param name="Remedy">How a user gets a working one.</param>
internal sealed record LoadedLibrary(string Title, string Path, nint Handle, string Remedy)
{
    /// <summary>The address of a function.</summary>
    /// <param name="name">Its symbol.</param>
    /// <exception cref="LdaeException">Device: this version of the library has no such function.</exception>
    public nint Export(string name) => NativeLibrary.TryGetExport(Handle, name, out var address)
        ? address
        : throw new LdaeException(ErrorKind.Device, $"{Title} at {Path} has no function {name}: its version is too old.", Remedy);
}

/// <summary>The result of a search.</summary>
/// <param name="Kind">The library that was searched.</param>
/// <param name="Library">The library, or null.</param>
/// <param name="Tried">Files that were tried without success, one line each, with the reason.</param>
internal sealed record LibraryFinding(LibraryKind Kind, LoadedLibrary? Library, IReadOnlyList<string> Tried)
{
    /// <summary>The library.</summary>
    /// <exception cref="LdaeException">Device: it was not found; the message lists the places that were searched.</exception>
    public LoadedLibrary Require() => Library ?? throw new LdaeException(
        ErrorKind.Device,
        $"{Kind.Title} was not found: {string.Join("; ", Tried)}.",
        Kind.Remedy);
}

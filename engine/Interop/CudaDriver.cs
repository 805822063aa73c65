using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

/// <summary>
/// The functions of the CUDA driver that the engine calls, as one table of function pointers a loaded library: a real driver and
/// the emulator can live in one process (decision 0004). Every status is checked; a failure names the call, its arguments and the code.
/// </summary>
internal sealed unsafe partial class CudaDriver
{
    private const string StatusKey = "CUDA status";

    private readonly delegate* unmanaged<int, byte**, int> _getErrorName;
    private readonly delegate* unmanaged<int, byte**, int> _getErrorString;

    /// <summary>Resolves the functions and initialises the driver.</summary>
    /// <param name="library">The driver's library.</param>
    /// <exception cref="LdaeException">Device: a function is missing, or there is no usable GPU.</exception>
    public CudaDriver(LoadedLibrary library)
    {
        Library = library;
        _getErrorName = (delegate* unmanaged<int, byte**, int>)library.Export("cuGetErrorName");
        _getErrorString = (delegate* unmanaged<int, byte**, int>)library.Export("cuGetErrorString");
        BindDevices();
        BindMemory();
        BindExecution();
        Initialize();
    }

    /// <summary>Where it was loaded from.</summary>
    public LoadedLibrary Library { get; }

    /// <summary>The name of a status, such as CUDA_ERROR_INVALID_VALUE.</summary>
    public string NameOf(int status)
    {
        byte* text = null;
        return _getErrorName(status, &text) == 0 && text is not null ? Marshal.PtrToStringUTF8((nint)text)! : $"CUDA status {status}";
    }

    private string DescriptionOf(int status)
    {
        byte* text = null;
        return _getErrorString(status, &text) == 0 && text is not null ? Marshal.PtrToStringUTF8((nint)text)! : "no description";
    }

    private void Check(int status, [InterpolatedStringHandlerArgument(nameof(status))] ref CallText call)
    {
        if (status != 0)
        {
            throw Failure(status, call.Take());
        }
    }

    private LdaeException Failure(int status, string call) => new(
        KindOf(status),
        $"{call} failed: {NameOf(status)} ({status}), {DescriptionOf(status)}.",
        RemedyOf(status))
    {
        Data = { [StatusKey] = status },
    };

    /// <summary>Whether a call failed because there was no memory left on the device.</summary>
    public static bool IsOutOfMemory(LdaeException error) => error.Data[StatusKey] is (int)DriverStatus.OutOfMemory;

    private static ErrorKind KindOf(int status) => (DriverStatus)status switch
    {
        DriverStatus.NotInitialized or DriverStatus.NoDevice or DriverStatus.InvalidDevice or DriverStatus.InvalidImage
            or DriverStatus.NoBinaryForGpu or DriverStatus.InvalidPtx or DriverStatus.UnsupportedPtxVersion
            or DriverStatus.SystemDriverMismatch or DriverStatus.CompatNotSupported => ErrorKind.Device,
        _ => ErrorKind.Run,
    };

    private string RemedyOf(int status) => (DriverStatus)status switch
    {
        DriverStatus.OutOfMemory => "Lower train.batch or raise train.accumulate, or stop what else uses the GPU (nvidia-smi lists it).",
        DriverStatus.NoDevice => "The driver sees no GPU: check nvidia-smi and CUDA_VISIBLE_DEVICES; in a container, pass the GPU through.",
        DriverStatus.InvalidDevice => "Use a GPU that exists: ldae doctor lists them.",
        DriverStatus.InvalidImage or DriverStatus.NoBinaryForGpu or DriverStatus.InvalidPtx or DriverStatus.UnsupportedPtxVersion =>
            "The driver cannot load NVRTC's output, because it is older than NVRTC. Update NVIDIA's driver, or install the NVRTC of the driver's CUDA version (ldae doctor prints "
                + "both).",
        DriverStatus.SystemDriverMismatch or DriverStatus.CompatNotSupported =>
            "The driver's library and kernel module are of different versions: reboot after a driver update, or remove the compat libraries from the path.",
        DriverStatus.IllegalAddress or DriverStatus.LaunchFailed =>
            "A kernel went wrong: run the same with --device emulated and LDAE_EMULATOR_SANITIZE=address, or under compute-sanitizer, and report it.",
        _ => $"Run ldae doctor, and report this with its output. {Library.Remedy}",
    };
}

using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>What there is to say about one of NVIDIA's libraries on this machine.</summary>
/// <param name="Title">Its name.</param>
/// <param name="Path">Where it was loaded from, or null.</param>
/// <param name="Version">Its version, or null when it was not loaded or cannot be asked.</param>
/// <param name="Problem">What is wrong with it, or null.</param>
/// <param name="Remedy">What to do about a problem.</param>
/// <param name="Required">Whether a CUDA device needs it.</param>
public sealed record CudaLibraryReport(string Title, string? Path, string? Version, string? Problem, string Remedy, bool Required)
{
    /// <summary>Looks for all of them, as opening a CUDA device does.</summary>
    /// <returns>One report a library, the required ones first.</returns>
    public static IReadOnlyList<CudaLibraryReport> OfThisMachine() => Of(LibrarySearch.OfThisProcess);

    internal static IReadOnlyList<CudaLibraryReport> Of(LibrarySearch search) =>
    [
        Ask(search, LibraryKind.Driver, true, library => Cuda(new CudaDriver(library).Version)),
        Ask(search, LibraryKind.Nvrtc, true, library => $"CUDA {new Nvrtc(library).Version}"),
        Ask(search, LibraryKind.CublasLt, true, library => new CublasLt(library).Version.ToString(CultureInfo.InvariantCulture)),
        Ask(search, LibraryKind.Nccl, false, library => new Nccl(library).Version.ToString(CultureInfo.InvariantCulture)),
        Ask(search, LibraryKind.Nvtx, false, library => $"interface {new Nvtx(library).Library.Path.Split(".so.")[^1]}"),
    ];

    private static CudaLibraryReport Ask(LibrarySearch search, LibraryKind kind, bool required, Func<LoadedLibrary, string> version)
    {
        var finding = search.Find(kind);
        if (finding.Library is not { } library)
        {
            return new CudaLibraryReport(kind.Title, null, null, $"not found: {string.Join("; ", finding.Tried)}", kind.Remedy, required);
        }

        try
        {
            return new CudaLibraryReport(kind.Title, library.Path, version(library), null, kind.Remedy, required);
        }
        catch (LdaeException e)
        {
            return new CudaLibraryReport(kind.Title, library.Path, null, e.Message, e.Remedy, required);
        }
    }

    private static string Cuda(int version) => string.Create(CultureInfo.InvariantCulture, $"CUDA {version / 1000}.{version % 1000 / 10}");
}

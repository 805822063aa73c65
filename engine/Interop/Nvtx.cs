using System.Collections.Concurrent;
using System.Text;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

/// <summary>
/// NVIDIA's names for ranges of a program, which Nsight shows on its time lines. The library comes with toolkits up to CUDA 12.8; later
/// ones have C headers only, so that it is often missing: nothing depends on it.
/// </summary>
internal sealed unsafe class Nvtx : IRangeListener
{
    private readonly delegate* unmanaged<byte*, int> _push;
    private readonly delegate* unmanaged<int> _pop;
    private readonly ConcurrentDictionary<string, byte[]> _names = new();

    /// <summary>Resolves the functions.</summary>
    /// <param name="library">NVTX's library.</param>
    /// <exception cref="LdaeException">Device: a function is missing.</exception>
    public Nvtx(LoadedLibrary library)
    {
        Library = library;
        _push = (delegate* unmanaged<byte*, int>)library.Export("nvtxRangePushA");
        _pop = (delegate* unmanaged<int>)library.Export("nvtxRangePop");
    }

    /// <summary>Where it was loaded from.</summary>
    public LoadedLibrary Library { get; }

    /// <summary>The library, or null without a message where there is no usable one.</summary>
    /// <param name="search">Where to look.</param>
    public static Nvtx? Find(LibrarySearch search)
    {
        try
        {
            return search.Find(LibraryKind.Nvtx).Library is { } library ? new Nvtx(library) : null;
        }
        catch (LdaeException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Open(string name, long bytes)
    {
        fixed (byte* text = _names.GetOrAdd(name, static n => Encoding.ASCII.GetBytes(n + '\0')))
        {
            // It returns the depth, or a negative number when no tool listens: nothing to check.
            _ = _push(text);
        }
    }

    /// <inheritdoc/>
    public void Close() => _ = _pop();
}

using System.Runtime.InteropServices;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

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

using LDaeCore.Engine.Errors;

namespace LDaeCore.Engine.Interop;

/// <summary>What a search came to.</summary>
/// <param name="Kind">What was looked for.</param>
/// <param name="Library">The library, or null.</param>
/// <param name="Tried">What was tried without success, one line each, with the reason.</param>
internal sealed record LibraryFinding(LibraryKind Kind, LoadedLibrary? Library, IReadOnlyList<string> Tried)
{
    /// <summary>The library.</summary>
    /// <exception cref="LdaeException">Device: it was not found; the message says where it was looked for.</exception>
    public LoadedLibrary Require() => Library ?? throw new LdaeException(
        ErrorKind.Device,
        $"{Kind.Title} was not found: {string.Join("; ", Tried)}.",
        Kind.Remedy);
}

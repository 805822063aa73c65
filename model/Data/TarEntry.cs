namespace LDaeCore.Model.Data;

/// <summary>A regular file of a tar archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Offset">First byte of its content in the archive.</param>
/// <param name="Length">Bytes of its content.</param>
internal readonly record struct TarEntry(string Name, long Offset, long Length);

using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using Microsoft.Win32.SafeHandles;

namespace LDaeCore.Model.Data.Formats;

/// <summary>A file of many images, read from offsets. Errors name the file and the byte.</summary>
internal sealed class ShardFile : IDisposable
{
    private readonly SafeFileHandle? _handle;
    private readonly string _remedy;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="remedy">The remedy of errors.</param>
    /// <exception cref="LdaeException">Data: it cannot be opened.</exception>
    public ShardFile(string path, string remedy)
    {
        (Path, _remedy) = (path, remedy);
        try
        {
            if (!InputFile.IsEmpty(path))
            {
                _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
                Length = RandomAccess.GetLength(_handle);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Unreadable(e);
        }
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Its length when it was opened, in bytes.</summary>
    public long Length { get; }

    /// <summary>Reads bytes.</summary>
    /// <param name="at">Offset of the first.</param>
    /// <param name="to">Destination.</param>
    /// <exception cref="LdaeException">Data: the file is unreadable or too short.</exception>
    public void Read(long at, Span<byte> to)
    {
        for (var done = 0; done < to.Length;)
        {
            int read;
            try
            {
                read = _handle is null ? 0 : RandomAccess.Read(_handle, to[done..], at + done);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(e);
            }

            done += read > 0 ? read : throw Bad(at, "the file ends before the end of its record");
        }
    }

    /// <summary>Reads bytes; the caller has compared their number with the file's length.</summary>
    /// <param name="at">Offset of the first.</param>
    /// <param name="count">Number of bytes.</param>
    /// <returns>The bytes.</returns>
    public byte[] Read(long at, int count)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(count);
        Read(at, bytes);
        return bytes;
    }

    /// <summary>The error of a damaged file.</summary>
    public LdaeException Bad(long at, string what) => new(ErrorKind.Data, $"{Path}, byte {at}: {what}.", _remedy);

    /// <inheritdoc/>
    public void Dispose() => _handle?.Dispose();

    private LdaeException Unreadable(Exception e) => new(ErrorKind.Data, $"{Path} cannot be read: {e.Message}", _remedy, e);
}

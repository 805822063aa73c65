using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Interop;

/// <summary>
/// Flushes a folder's entries to the disk. A file that was flushed and then renamed has its bytes on the disk, but
/// its new name only after its folder is flushed as well; .NET has no call for that.
/// </summary>
internal static partial class FolderFlush
{
    private const int ReadOnly = 0, CloseOnExec = 0x80000;

    /// <summary>Flushes it; returns when the disk has it.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>False where the folder does not exist, or the file system or operating system does not support it.</returns>
    public static bool Flush(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        var handle = Open(folder, ReadOnly | CloseOnExec);
        if (handle < 0)
        {
            return false;
        }

        var flushed = Sync(handle) == 0;
        _ = Close(handle);
        return flushed;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}

using System.Text;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Checkpoints;

/// <summary>Writes small files whole: a kill or a full disk leaves the old content or the new, never half of it.</summary>
public static class AtomicFile
{
    /// <summary>Writes a text into a file beside it, flushes it to the disk, and renames it.</summary>
    /// <param name="path">The file; its folder exists.</param>
    /// <param name="text">Its whole content.</param>
    /// <exception cref="LdaeException">Run: it cannot be written (a full disk, no permission).</exception>
    public static void WriteText(string path, string text)
    {
        var temporary = path + ".tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                file.Write(Encoding.UTF8.GetBytes(text));
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
            FolderFlush.Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Run, $"{path} cannot be written: {e.Message}", "Free disk space, or give an --out that can be written.", e);
        }
    }
}

/// <summary>Files that come from elsewhere.</summary>
public static class InputFile
{
    /// <summary>
    /// Whether there is nothing to read: an empty file, or a named pipe, a socket or a device, which say that they have no bytes. Such a thing is better not opened at all: a pipe
    /// waits for a writer who may never come, and a device may never end.
    /// </summary>
    /// <param name="path">What is about to be opened; links are followed.</param>
    /// <returns>False also where nothing is there, which opening it says better.</returns>
    public static bool IsEmpty(string path)
    {
        FileSystemInfo file = new FileInfo(path);
        file = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
        return file is FileInfo { Exists: true, Length: 0 };
    }
}

using System.Text;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Checkpoints;

/// <summary>Writes small files atomically: after a kill or on a full disk the file has its old or its new content.</summary>
public static class AtomicFile
{
    /// <summary>Writes a text to a temporary file in the same folder, flushes it to the disk, and renames it.</summary>
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

/// <summary>Files that are not this program's own.</summary>
public static class InputFile
{
    /// <summary>
    /// Whether a file has no bytes: it is empty, or a named pipe, a socket or a device, whose length is 0. Do not open such a file: a pipe waits for a
    /// writer, and a device may never end.
    /// </summary>
    /// <param name="path">The file; links are followed.</param>
    /// <returns>True if so; false where no file exists, which opening it reports.</returns>
    public static bool IsEmpty(string path)
    {
        FileSystemInfo file = new FileInfo(path);
        file = file.ResolveLinkTarget(returnFinalTarget: true) ?? file;
        return file is FileInfo { Exists: true, Length: 0 };
    }
}

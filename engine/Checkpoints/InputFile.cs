namespace LDaeCore.Engine.Checkpoints;

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

using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner;

/// <summary>
/// Holds a run folder for one process: a second one that trained in it would clear the first one's half-written checkpoints and mix its lines with the first one's.
/// The system lets go of it when the process ends, however it ends; the empty file stays.
/// </summary>
internal sealed class RunLock : IDisposable
{
    /// <summary>The file that is locked.</summary>
    public const string FileName = ".lock";

    // What the system says of a lock that somebody holds: EWOULDBLOCK.
    private const int Held = 11;

    private readonly FileStream _file;

    /// <summary>Takes it.</summary>
    /// <param name="folder">The run folder; it exists.</param>
    /// <exception cref="LdaeException">Configuration: another process has it.</exception>
    /// <exception cref="IOException">The folder cannot be written to.</exception>
    public RunLock(string folder)
    {
        try
        {
            _file = new FileStream(Path.Combine(folder, FileName), FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, 1);
        }
        catch (IOException e) when (e.HResult == Held)
        {
            throw new LdaeException(
                ErrorKind.Configuration, $"Another process trains in --out {folder}.", "Wait until it has ended, or stop it, or give --out another folder; several processes share a run when mpirun starts them.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}

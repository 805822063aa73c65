namespace LDaeCore.Engine.Errors;

/// <summary>
/// An error a user can act on. The message names the file, field or value at fault; the remedy says what to do.
/// </summary>
/// <param name="kind">What kind of thing went wrong.</param>
/// <param name="message">One sentence that names the file, field or value.</param>
/// <param name="remedy">What the user can do about it.</param>
/// <param name="inner">The cause, when there is one.</param>
public class LdaeException(ErrorKind kind, string message, string remedy, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What kind of thing went wrong.</summary>
    public ErrorKind Kind { get; } = kind;

    /// <summary>What the user can do about it.</summary>
    public string Remedy { get; } = remedy;
}

/// <summary>A device is out of memory; a run adds its memory plan to the message.</summary>
/// <param name="message">Bytes requested, held and free.</param>
/// <param name="remedy">What the user can do about it.</param>
/// <param name="inner">The driver's error.</param>
public sealed class DeviceMemoryException(string message, string remedy, Exception inner) : LdaeException(ErrorKind.Run, message, remedy, inner);

/// <summary>What kind of thing went wrong; each kind is one exit code of the console runner.</summary>
public enum ErrorKind
{
    /// <summary>The run itself failed (a non-finite loss, a full disk): exit code 1.</summary>
    Run = 1,

    /// <summary>Bad usage or configuration, named by field and value: exit code 2.</summary>
    Configuration = 2,

    /// <summary>Bad input data (missing, unreadable, of the wrong kind or length): exit code 3.</summary>
    Data = 3,

    /// <summary>The asked device, or something it needs, is not available: exit code 4.</summary>
    Device = 4,
}

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

using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner;

/// <summary>What the process returns to its caller.</summary>
internal static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>A failed run.</summary>
    public const int Failed = 1;

    /// <summary>Bad usage or configuration.</summary>
    public const int Usage = 2;

    /// <summary>Interrupted, with a checkpoint saved where there was something to save.</summary>
    public const int Interrupted = 130;

    /// <summary>The code of an exception.</summary>
    public static int Of(Exception error) => error switch
    {
        LdaeException known => (int)known.Kind,
        OperationCanceledException => Interrupted,
        _ => Failed,
    };

    /// <summary>The name of an exception's kind, as the result object has it.</summary>
    public static string KindOf(Exception error) => error switch
    {
        LdaeException { Kind: ErrorKind.Configuration } => "configuration",
        LdaeException { Kind: ErrorKind.Data } => "data",
        LdaeException { Kind: ErrorKind.Device } => "device",
        LdaeException or IOException or UnauthorizedAccessException or OutOfMemoryException => "run",
        OperationCanceledException => "interrupted",
        _ => "internal",
    };
}

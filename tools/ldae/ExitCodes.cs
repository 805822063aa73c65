using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Runner;

/// <summary>Exit codes of the process.</summary>
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
        ProcessFaultException { Fault.Code: var code } => code,
        LdaeException known => (int)known.Kind,
        OperationCanceledException => Interrupted,
        _ => Failed,
    };

    /// <summary>The name of an exception's kind, as the result object has it.</summary>
    public static string KindOf(Exception error) => error switch
    {
        OperationCanceledException or ProcessFaultException { Fault.Code: Interrupted } => "interrupted",
        ProcessFaultException { Fault.Code: var code } => NameOf((ErrorKind)code),
        LdaeException known => NameOf(known.Kind),
        IOException or UnauthorizedAccessException or OutOfMemoryException => "run",
        _ => "internal",
    };

    private static string NameOf(ErrorKind kind) => kind.ToString().ToLowerInvariant();
}

namespace LDaeCore.Engine.Errors;

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

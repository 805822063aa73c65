namespace LDaeCore.Engine.Errors;

/// <summary>A device has no memory left for what a run asks; whoever knows the run's owners of memory adds them.</summary>
/// <param name="message">What was asked, held and free.</param>
/// <param name="remedy">What the user can do about it.</param>
/// <param name="inner">The driver's error.</param>
public sealed class DeviceMemoryException(string message, string remedy, Exception inner) : LdaeException(ErrorKind.Run, message, remedy, inner);

namespace LDaeCore.Engine.Backends;

/// <summary>Work of a device that was recorded, to be started as a whole.</summary>
public interface IRecordedWork : IDisposable
{
    /// <summary>Does the work again, on the same addresses, after what was asked before.</summary>
    void Run();
}

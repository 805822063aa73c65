namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>An open range; disposing it closes it for those who were told that it opened.</summary>
public readonly ref struct RangeScope
{
    private readonly IRangeListener[]? _listeners;

    internal RangeScope(IRangeListener[] listeners) => _listeners = listeners;

    /// <summary>Closes the range.</summary>
    public void Dispose()
    {
        foreach (var listener in _listeners ?? [])
        {
            listener.Close();
        }
    }
}

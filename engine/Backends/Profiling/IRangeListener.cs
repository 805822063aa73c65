namespace LDaeCore.Engine.Backends.Profiling;

/// <summary>Told when this thread begins and ends something that has a name; see <see cref="Ranges"/>.</summary>
public interface IRangeListener
{
    /// <summary>A range begins inside those that are open.</summary>
    /// <param name="name">What is done.</param>
    /// <param name="bytes">Bytes it moves, or 0.</param>
    void Open(string name, long bytes);

    /// <summary>The range that began last ends.</summary>
    void Close();
}

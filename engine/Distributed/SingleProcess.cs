using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Distributed;

/// <summary>A group of one: nothing is sent, and everything is there already.</summary>
public sealed class SingleProcess : ICommunicator
{
    private SingleProcess()
    {
    }

    /// <summary>The only one.</summary>
    public static SingleProcess Instance { get; } = new();

    /// <inheritdoc/>
    public string Name => "one process";

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public void BeginSum(Tensor tensor)
    {
    }

    /// <inheritdoc/>
    public void FinishSums()
    {
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor)
    {
    }

    /// <inheritdoc/>
    public byte[] Broadcast(byte[] bytes) => bytes;

    /// <inheritdoc/>
    public double[] Gather(ReadOnlySpan<double> mine) => mine.ToArray();

    /// <inheritdoc/>
    public void Leave()
    {
    }

    /// <inheritdoc/>
    public void Abort(int code, string message)
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}

using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>Bytes on a device behind which the next ones arrive: a copy beside the device's work fills the second place, one on the device hands it over.</summary>
public interface IStagedTensor : IDisposable
{
    /// <summary>What the device's work reads, at the same address always.</summary>
    Tensor Tensor { get; }

    /// <summary>Sends the next bytes on their way; the device goes on meanwhile.</summary>
    /// <param name="bytes">As many as the tensor has; free for other use when the call returns.</param>
    void Send(ReadOnlySpan<byte> bytes);

    /// <summary>In the order of the device's work: <see cref="Tensor"/> becomes what was sent last.</summary>
    void Take();
}

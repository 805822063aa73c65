namespace LDaeCore.Engine.Tensors;

/// <summary>Where tensors live and who computes.</summary>
public enum DeviceKind
{
    /// <summary>float64, plain loops: the executable specification.</summary>
    Reference,

    /// <summary>float32 on the processor's vector units, several threads.</summary>
    Cpu,

    /// <summary>No memory and no arithmetic: walks a step to plan its memory from shapes.</summary>
    Plan,

    /// <summary>An NVIDIA GPU: bfloat16 or float32.</summary>
    Cuda,

    /// <summary>The CUDA backend on the processor: one library in place of NVIDIA's runs the same kernels.</summary>
    Emulated,
}

/// <summary>The memory of a device and the ways into it and out of it.</summary>
public interface IDeviceMemory
{
    /// <summary>Which device this is.</summary>
    DeviceKind Kind { get; }

    /// <summary>Element type of activations and of their gradients.</summary>
    DType ActivationType { get; }

    /// <summary>Element type of master parameters, their gradients, optimizer state and statistics.</summary>
    DType ParameterType { get; }

    /// <summary>Device memory, not cleared.</summary>
    /// <param name="bytes">Length.</param>
    /// <returns>The memory.</returns>
    Storage Allocate(long bytes);

    /// <summary>Copies host values of the tensor's own element type to the device.</summary>
    /// <typeparam name="T">The host type of the tensor's element type.</typeparam>
    /// <param name="values">As many as the tensor has elements.</param>
    /// <param name="to">Destination.</param>
    void Upload<T>(ReadOnlySpan<T> values, Tensor to)
        where T : unmanaged;

    /// <summary>Copies a tensor to the host; waits for the device.</summary>
    /// <typeparam name="T">The host type of the tensor's element type.</typeparam>
    /// <param name="from">Source.</param>
    /// <param name="values">As many as the tensor has elements.</param>
    void Download<T>(Tensor from, Span<T> values)
        where T : unmanaged;
}

namespace LDaeCore.Engine.Tensors;

/// <summary>Element types of a tensor.</summary>
public enum DType
{
    /// <summary>IEEE double: the reference backend's only real type.</summary>
    F64,

    /// <summary>IEEE single: the cpu's real type, and master weights and gradients everywhere else.</summary>
    F32,

    /// <summary>bfloat16: storage of activations and compute weights on a GPU; sums are float32.</summary>
    BF16,

    /// <summary>Unsigned byte: images.</summary>
    U8,

    /// <summary>32-bit integer: labels and time steps.</summary>
    I32,
}

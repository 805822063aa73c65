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

/// <summary>Facts about element types.</summary>
public static class DTypeExtensions
{
    /// <summary>Bytes of one element.</summary>
    /// <param name="dtype">The element type.</param>
    /// <returns>1, 2, 4 or 8.</returns>
    public static int Size(this DType dtype) => dtype switch
    {
        DType.F64 => 8,
        DType.F32 or DType.I32 => 4,
        DType.BF16 => 2,
        _ => 1,
    };
}

/// <summary>bfloat16: the upper half of a float. Storage only; nothing is computed in it.</summary>
public static class BFloat16
{
    /// <summary>Rounds to the nearest, ties to even. NaN stays NaN, values past the largest become infinite.</summary>
    /// <param name="value">A float.</param>
    /// <returns>The 16 bits.</returns>
    public static ushort Bits(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value)
            ? (ushort)((bits >> 16) | 0x40)
            : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Widens; exact.</summary>
    /// <param name="bits">The 16 bits.</param>
    /// <returns>The float.</returns>
    public static float Value(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}

namespace LDaeCore.Engine.Tensors;

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

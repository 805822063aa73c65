using System.Buffers.Binary;

namespace LDaeCore.Engine.Checkpoints;

/// <summary>Conversions from the little-endian bytes of a safetensors file. bfloat16 is the upper half of a float32.</summary>
internal static class SafetensorsElements
{
    /// <summary>Converts to float32, rounding to nearest.</summary>
    /// <param name="dtype">Element type of the bytes.</param>
    /// <param name="bytes">Whole elements.</param>
    /// <param name="to">At least as many elements.</param>
    public static void ToFloats(SafetensorsDType dtype, ReadOnlySpan<byte> bytes, Span<float> to)
    {
        var size = SafetensorsEntry.Size(dtype);
        for (var i = 0; i < bytes.Length / size; i++)
        {
            var at = bytes.Slice(i * size, size);

            // I64 goes to float32 directly: by way of float64 it would be rounded twice.
            to[i] = dtype == SafetensorsDType.I64 ? BinaryPrimitives.ReadInt64LittleEndian(at) : (float)Real(dtype, at);
        }
    }

    /// <summary>Converts to float64.</summary>
    /// <param name="dtype">Element type of the bytes.</param>
    /// <param name="bytes">Whole elements.</param>
    /// <param name="to">At least as many elements.</param>
    public static void ToDoubles(SafetensorsDType dtype, ReadOnlySpan<byte> bytes, Span<double> to)
    {
        var size = SafetensorsEntry.Size(dtype);
        for (var i = 0; i < bytes.Length / size; i++)
        {
            to[i] = Real(dtype, bytes.Slice(i * size, size));
        }
    }

    /// <summary>Converts integers to 32 bits.</summary>
    /// <param name="dtype">I32, I64 or U8.</param>
    /// <param name="bytes">Whole elements.</param>
    /// <param name="to">At least as many elements.</param>
    /// <returns>The first value that does not fit, or null.</returns>
    public static long? ToInt32(SafetensorsDType dtype, ReadOnlySpan<byte> bytes, Span<int> to)
    {
        var size = SafetensorsEntry.Size(dtype);
        for (var i = 0; i < bytes.Length / size; i++)
        {
            var at = bytes.Slice(i * size, size);
            var value = dtype switch
            {
                SafetensorsDType.I64 => BinaryPrimitives.ReadInt64LittleEndian(at),
                SafetensorsDType.I32 => BinaryPrimitives.ReadInt32LittleEndian(at),
                _ => at[0],
            };
            if (value != (int)value)
            {
                return value;
            }

            to[i] = (int)value;
        }

        return null;
    }

    private static double Real(SafetensorsDType dtype, ReadOnlySpan<byte> at) => dtype switch
    {
        SafetensorsDType.F64 => BinaryPrimitives.ReadDoubleLittleEndian(at),
        SafetensorsDType.F32 => BinaryPrimitives.ReadSingleLittleEndian(at),
        SafetensorsDType.F16 => (double)BinaryPrimitives.ReadHalfLittleEndian(at),
        SafetensorsDType.BF16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(at) << 16),
        SafetensorsDType.I64 => BinaryPrimitives.ReadInt64LittleEndian(at),
        SafetensorsDType.I32 => BinaryPrimitives.ReadInt32LittleEndian(at),
        _ => at[0],
    };
}

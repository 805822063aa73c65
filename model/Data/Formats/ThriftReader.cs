namespace LDaeCore.Model.Data.Formats;

/// <summary>Types of Thrift's compact protocol. The type of a boolean field is its value.</summary>
internal enum ThriftType
{
    Stop,
    True,
    False,
    Byte,
    Int16,
    Int32,
    Int64,
    Double,
    Binary,
    List,
    Set,
    Map,
    Struct,
}

/// <summary>
/// Thrift's compact protocol, in which Parquet's metadata are written. Every length is compared with the bytes that are left, types
/// are checked, nesting is bounded, and each step consumes a byte: no input makes it allocate, recurse or loop out of proportion.
/// </summary>
/// <param name="bytes">A struct's bytes, and perhaps more.</param>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes)
{
    private const int MostDepth = 32;
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Bytes not read yet.</summary>
    public readonly int Left => _rest.Length;

    /// <summary>Goes to a struct's next field.</summary>
    /// <param name="field">The previous field's number, 0 at first; set to this field's.</param>
    /// <param name="type">Its type.</param>
    /// <returns>False at the struct's end.</returns>
    /// <exception cref="InvalidDataException">Thrown by every member: another type or value is there.</exception>
    public bool Next(ref int field, out ThriftType type)
    {
        var head = Byte();
        type = (ThriftType)(head & 15);
        if (head == 0)
        {
            return false;
        }

        field = head >> 4 > 0 ? field + (head >> 4) : (short)Zigzag(Varint());
        if (type is ThriftType.Stop or > ThriftType.Struct)
        {
            throw new InvalidDataException($"a field of unknown type {head & 15}");
        }

        return true;
    }

    /// <summary>A whole number that must fit in an int.</summary>
    public int Int32(ThriftType type)
    {
        var value = Int64(type);
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw new InvalidDataException($"{value} instead of a 32-bit number");
    }

    /// <summary>A whole number.</summary>
    public long Int64(ThriftType type) => type switch
    {
        ThriftType.Byte => (sbyte)Byte(),
        ThriftType.Int16 or ThriftType.Int32 or ThriftType.Int64 => Zigzag(Varint()),
        _ => throw new InvalidDataException($"a {type} instead of a number"),
    };

    /// <summary>Bytes, or a text.</summary>
    public ReadOnlySpan<byte> Binary(ThriftType type) => type == ThriftType.Binary ? Take(Varint()) : throw new InvalidDataException($"a {type} instead of a text");

    /// <summary>The head of a list.</summary>
    /// <returns>How many elements follow; each is at least a byte.</returns>
    public int List(ThriftType type, out ThriftType element)
    {
        if (type is not (ThriftType.List or ThriftType.Set))
        {
            throw new InvalidDataException($"a {type} instead of a list");
        }

        var head = Byte();
        element = (ThriftType)(head & 15);
        return Count(head >> 4 < 15 ? (ulong)(head >> 4) : Varint());
    }

    /// <summary>Skips a value.</summary>
    public void Skip(ThriftType type) => Skip(type, inList: false, 0);

    /// <summary>A number in groups of seven bits, the lowest first.</summary>
    public ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 127) << shift;
            if (next < 128)
            {
                return value;
            }
        }

        throw new InvalidDataException("a number without an end");
    }

    /// <summary>The next bytes.</summary>
    public ReadOnlySpan<byte> Take(ulong count)
    {
        var taken = _rest[..Count(count)];
        _rest = _rest[taken.Length..];
        return taken;
    }

    /// <summary>Decodes the order 0, -1, 1, -2...</summary>
    public static long Zigzag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    private void Skip(ThriftType type, bool inList, int depth)
    {
        if (depth > MostDepth)
        {
            throw new InvalidDataException($"more than {MostDepth} nested structs or lists");
        }

        switch (type)
        {
            case ThriftType.True or ThriftType.False:
                Take(inList ? 1u : 0);
                break;
            case ThriftType.Byte:
                Take(1);
                break;
            case ThriftType.Int16 or ThriftType.Int32 or ThriftType.Int64:
                Varint();
                break;
            case ThriftType.Double:
                Take(8);
                break;
            case ThriftType.Binary:
                Take(Varint());
                break;
            case ThriftType.Struct:
                for (var field = 0; Next(ref field, out var inner);)
                {
                    Skip(inner, inList: false, depth + 1);
                }

                break;
            case ThriftType.List or ThriftType.Set:
                for (var left = List(type, out var element); left > 0; left--)
                {
                    Skip(element, inList: true, depth + 1);
                }

                break;
            default:
                // Parquet has no maps.
                throw new InvalidDataException($"a value of type {type}");
        }
    }

    private byte Byte() => Take(1)[0];

    private readonly int Count(ulong count) =>
        count <= (ulong)_rest.Length ? (int)count : throw new InvalidDataException($"{count} bytes or values where {_rest.Length} bytes are left");
}

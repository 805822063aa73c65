using Google.Protobuf;

namespace LDaeCore.Model.Protobuf;

/// <summary>
/// A protobuf message field by field, by the numbers that its published definition gives. No generated classes and no reflection: a few
/// messages are written, none is read. Sizes are known as fields are added, so that a message is streamed however large it is.
/// </summary>
internal sealed class ProtoMessage
{
    private readonly List<Action<CodedOutputStream>> _writes = [];

    /// <summary>Bytes of all fields.</summary>
    public long Size { get; private set; }

    /// <summary>A field of type int32, int64, bool or an enumeration.</summary>
    public ProtoMessage Add(int field, long value) => Append(field, CodedOutputStream.ComputeInt64Size(value), stream =>
    {
        stream.WriteTag(field, WireFormat.WireType.Varint);
        stream.WriteInt64(value);
    });

    /// <summary>A field of type float.</summary>
    public ProtoMessage Add(int field, float value) => Append(field, sizeof(float), stream =>
    {
        stream.WriteTag(field, WireFormat.WireType.Fixed32);
        stream.WriteFloat(value);
    });

    /// <summary>A field of type double.</summary>
    public ProtoMessage Add(int field, double value) => Append(field, sizeof(double), stream =>
    {
        stream.WriteTag(field, WireFormat.WireType.Fixed64);
        stream.WriteDouble(value);
    });

    /// <summary>A field of type string.</summary>
    public ProtoMessage Add(int field, string value) => Append(field, CodedOutputStream.ComputeStringSize(value), stream =>
    {
        stream.WriteTag(field, WireFormat.WireType.LengthDelimited);
        stream.WriteString(value);
    });

    /// <summary>A field of type bytes, asked for when its turn comes.</summary>
    /// <param name="field">Its number.</param>
    /// <param name="length">How many bytes there will be.</param>
    /// <param name="bytes">Gives them.</param>
    public ProtoMessage Add(int field, int length, Func<byte[]> bytes) => Append(field, CodedOutputStream.ComputeLengthSize(length) + (long)length, stream =>
    {
        stream.WriteTag(field, WireFormat.WireType.LengthDelimited);
        stream.WriteBytes(UnsafeByteOperations.UnsafeWrap(bytes()));
    });

    /// <summary>A field that is a message; it must be complete.</summary>
    public ProtoMessage Add(int field, ProtoMessage message)
    {
        var length = checked((int)message.Size);
        return Append(field, CodedOutputStream.ComputeLengthSize(length) + message.Size, stream =>
        {
            stream.WriteTag(field, WireFormat.WireType.LengthDelimited);
            stream.WriteLength(length);
            message.WriteTo(stream);
        });
    }

    /// <summary>Writes the fields in the order they were added.</summary>
    public void WriteTo(CodedOutputStream stream) => _writes.ForEach(write => write(stream));

    /// <summary>The message as bytes, for small ones.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[checked((int)Size)];
        using var stream = new CodedOutputStream(bytes);
        WriteTo(stream);
        stream.Flush();
        return bytes;
    }

    private ProtoMessage Append(int field, long size, Action<CodedOutputStream> write)
    {
        Size += CodedOutputStream.ComputeTagSize(field) + size;
        _writes.Add(write);
        return this;
    }
}

using System.Buffers.Binary;
using System.Text;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>
/// Reads TensorBoard's event files on its own: records with their checksums by a table-driven CRC, protobuf by its wire format. Shares
/// nothing with what writes them.
/// </summary>
internal sealed class EventFile
{
    private static readonly uint[] Table = [
        .. Enumerable.Range(0, 256).Select(i => Enumerable.Range(0, 8).Aggregate((uint)i, (c, _) => (c & 1) != 0 ? (c >> 1) ^ 0x82F63B78 : c >> 1))];

    private EventFile(List<Fields> events) => Events = events;

    public IReadOnlyList<Fields> Events { get; }

    /// <summary>Tag, value and step of every scalar.</summary>
    public IEnumerable<(string Tag, float Value, long Step)> Scalars => Values.Where(v => v.Value.Has(2)).Select(v => (v.Value.Text(1), v.Value.Float(2), v.Step));

    /// <summary>Tag, height, width, PNG and step of every picture.</summary>
    public IEnumerable<(string Tag, long Height, long Width, byte[] Png, long Step)> Images => Values.Where(v => v.Value.Has(4))
        .Select(v => (v.Value.Text(1), v.Value.Message(4).Number(1), v.Value.Message(4).Number(2), v.Value.Message(4).Bytes(4), v.Step));

    /// <summary>Tag and text of every text.</summary>
    public IEnumerable<(string Tag, string Text)> Texts => Values.Where(v => v.Value.Has(8)).Select(v =>
    {
        Assert.That(v.Value.Message(9).Message(1).Text(1), Is.EqualTo("text"), "the plugin that shows it");
        Assert.That(v.Value.Message(8).Number(1), Is.EqualTo(7), "DT_STRING");
        return (v.Value.Text(1), v.Value.Message(8).Text(8));
    });

    private IEnumerable<(Fields Value, long Step)> Values =>
        Events.Where(e => e.Has(5)).SelectMany(e => e.Message(5).All(1).Select(v => (new Fields(v), e.Has(2) ? e.Number(2) : 0)));

    public static EventFile Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var events = new List<Fields>();
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
            Check(bytes.AsSpan(at, 8), bytes.AsSpan(at + 8));
            Check(bytes.AsSpan(at + 12, length), bytes.AsSpan(at + 12 + length));
            events.Add(new Fields(bytes[(at + 12)..(at + 12 + length)]));
            at += length + 16;
        }

        return new EventFile(events);
    }

    private static void Check(ReadOnlySpan<byte> data, ReadOnlySpan<byte> stored)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in data)
        {
            crc = Table[(crc ^ b) & 0xFF] ^ (crc >> 8);
        }

        crc = ~crc;
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(stored), Is.EqualTo(((crc >> 15) | (crc << 17)) + 0xa282ead8), "checksum");
    }

    /// <summary>The fields of one message by number.</summary>
    internal sealed class Fields
    {
        private readonly List<(int Number, int Wire, byte[] Bytes, ulong Value)> _all = [];

        public Fields(byte[] bytes)
        {
            for (var at = 0; at < bytes.Length;)
            {
                var tag = Varint(bytes, ref at);
                var (number, wire) = ((int)(tag >> 3), (int)(tag & 7));
                switch (wire)
                {
                    case 0:
                        _all.Add((number, wire, [], Varint(bytes, ref at)));
                        break;
                    case 1:
                        _all.Add((number, wire, [], BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at))));
                        at += 8;
                        break;
                    case 2:
                        var length = (int)Varint(bytes, ref at);
                        _all.Add((number, wire, bytes[at..(at + length)], 0));
                        at += length;
                        break;
                    case 5:
                        _all.Add((number, wire, [], BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at))));
                        at += 4;
                        break;
                    default:
                        throw new InvalidDataException($"wire type {wire}");
                }
            }
        }

        public bool Has(int number) => _all.Any(f => f.Number == number);

        public IEnumerable<byte[]> All(int number) => _all.Where(f => f.Number == number).Select(f => f.Bytes);

        public byte[] Bytes(int number) => Single(number, 2).Bytes;

        public Fields Message(int number) => new(Bytes(number));

        public string Text(int number) => Encoding.UTF8.GetString(Bytes(number));

        public long Number(int number) => (long)Single(number, 0).Value;

        public float Float(int number) => BitConverter.UInt32BitsToSingle((uint)Single(number, 5).Value);

        public double Double(int number) => BitConverter.UInt64BitsToDouble(Single(number, 1).Value);

        private (int Number, int Wire, byte[] Bytes, ulong Value) Single(int number, int wire) => _all.Single(f => f.Number == number && f.Wire == wire);

        private static ulong Varint(byte[] bytes, ref int at)
        {
            var value = 0UL;
            for (var shift = 0; ; shift += 7)
            {
                var b = bytes[at++];
                value |= (ulong)(b & 0x7F) << shift;
                if (b < 0x80)
                {
                    return value;
                }
            }
        }
    }
}

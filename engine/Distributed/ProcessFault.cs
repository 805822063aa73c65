using System.Buffers.Binary;
using System.Text;

namespace LDaeCore.Engine.Distributed;

/// <summary>Why a group cannot go on.</summary>
/// <param name="Rank">The process at fault.</param>
/// <param name="Code">Exit code for all.</param>
/// <param name="Message">What happened, naming the process.</param>
/// <param name="IsGone">Whether the process died without a word; else it has said itself what went wrong.</param>
public sealed record ProcessFault(int Rank, int Code, string Message, bool IsGone)
{
    private const int Numbers = 3 * sizeof(int);

    internal byte[] ToBytes()
    {
        var text = Encoding.UTF8.GetBytes(Message);
        var bytes = new byte[Numbers + text.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Rank);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), Code);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), IsGone ? 1 : 0);
        text.CopyTo(bytes, Numbers);
        return bytes;
    }

    internal static ProcessFault Of(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadInt32LittleEndian(bytes),
        BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]),
        Encoding.UTF8.GetString(bytes[Numbers..]),
        BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) == 1);
}

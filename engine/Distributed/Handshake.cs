using System.Buffers.Binary;
using System.Net.Sockets;

namespace LDaeCore.Engine.Distributed;

/// <summary>The first thing a process says on a connection to rank 0: who it is and what the connection is for.</summary>
/// <param name="Line">What the connection is for.</param>
/// <param name="Rank">The process.</param>
/// <param name="Size">How many processes it was told there are.</param>
/// <param name="Token">A number that only processes of one run know.</param>
internal readonly record struct Handshake(byte Line, int Rank, int Size, long Token)
{
    /// <summary>The connection that tells who is alive.</summary>
    public const byte Heartbeat = 1;

    /// <summary>The connection that carries data.</summary>
    public const byte Data = 2;

    private const uint Magic = 0x6c646165;
    private const int Bytes = 24;

    /// <summary>Says it.</summary>
    public void Send(Socket to)
    {
        var bytes = new byte[Bytes];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        bytes[4] = Line;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Rank);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), Size);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), Token);
        Wire.Send(to, bytes);
    }

    /// <summary>Hears it; null where something else was said, or nothing in two seconds.</summary>
    public static Handshake? Hear(Socket from)
    {
        try
        {
            from.ReceiveTimeout = 2000;
            var bytes = new byte[Bytes];
            Wire.Receive(from, bytes);
            from.ReceiveTimeout = 0;
            return BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic
                ? null
                : new Handshake(
                    bytes[4],
                    BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8)),
                    BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12)),
                    BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16)));
        }
        catch (Exception e) when (e is SocketException or EndOfStreamException)
        {
            return null;
        }
    }
}

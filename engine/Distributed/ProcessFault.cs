using System.Buffers.Binary;
using System.Text;

namespace LDaeCore.Engine.Distributed;

/// <summary>The failure of one process, which ends the whole group.</summary>
/// <param name="Rank">The process at fault.</param>
/// <param name="Code">Exit code for all processes.</param>
/// <param name="Message">What happened.</param>
/// <param name="IsGone">Whether the process died without a report; else it reported the failure itself.</param>
public sealed record ProcessFault(int Rank, int Code, string Message, bool IsGone)
{
    private const int HeaderBytes = 3 * sizeof(int);

    /// <summary>What the user can do about it; empty where the process died.</summary>
    public string Remedy { get; init; } = "";

    internal byte[] ToBytes()
    {
        var text = Encoding.UTF8.GetBytes($"{Message}\0{Remedy}");
        var bytes = new byte[HeaderBytes + text.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Rank);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), Code);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), IsGone ? 1 : 0);
        text.CopyTo(bytes, HeaderBytes);
        return bytes;
    }

    internal static ProcessFault Of(ReadOnlySpan<byte> bytes)
    {
        var text = Encoding.UTF8.GetString(bytes[HeaderBytes..]).Split('\0');
        var isGone = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]) == 1;
        return new ProcessFault(BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]), text[0], isGone) { Remedy = text[^1] };
    }
}

/// <summary>Thrown by calls of a group in which another process has failed: this process unwinds and exits with the fault's code.</summary>
/// <param name="fault">What happened.</param>
public sealed class ProcessFaultException(ProcessFault fault) : Exception(fault.Message)
{
    /// <summary>What happened.</summary>
    public ProcessFault Fault => fault;
}

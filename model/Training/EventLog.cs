using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Protobuf;
using SkiaSharp;

namespace LDaeCore.Model.Training;

/// <summary>
/// A run's TensorBoard events: scalars, pictures and texts by step. The file is a sequence of records, each the length of its data (eight
/// bytes), a checksum of those eight, the data (a protobuf Event), and a checksum of the data; a run that goes on writes a further file.
/// The steps past its checkpoint are removed from the earlier ones, and a TensorBoard that has read them already is told to forget them.
/// </summary>
public sealed class EventLog : IDisposable
{
    /// <summary>What the names of such files begin with.</summary>
    public const string Prefix = "events.out.tfevents.";

    /// <summary>What the names of those written here end with.</summary>
    internal const string Suffix = ".ldae";

    /// <summary>Numbers of the fields of Event, Summary, Value and what they hold, as TensorBoard's .proto files give them.</summary>
    internal const int Step = 2, SessionLog = 7;

    private const int WallTime = 1, FileVersion = 3, SummaryField = 5;

    /// <summary>TensorFlow's number of the element type string.</summary>
    private const long StringType = 7;

    private const long SessionStart = 1;

    private readonly FileStream _file;
    private readonly TimeProvider _time;

    /// <summary>Opens a new file in a run's folder.</summary>
    /// <param name="folder">The folder; it exists.</param>
    /// <param name="lastStep">Steps that are done already; what earlier files say of later ones is removed.</param>
    /// <param name="time">The clock; the machine's when not given.</param>
    /// <exception cref="LdaeException">Run: it cannot be made.</exception>
    public EventLog(string folder, long lastStep, TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        try
        {
            EarlierEvents.Forget(folder, lastStep);
            _file = Create(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Run, $"No event file can be made in {folder}: {e.Message}", "Free disk space, or give an --out that can be written.", e);
        }

        Write(Event(0).Add(FileVersion, "brain.Event:2"));
        if (lastStep > 0)
        {
            Write(Event(lastStep + 1).Add(SessionLog, new ProtoMessage().Add(1, SessionStart)));
        }
    }

    /// <summary>Writes numbers of a step.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="scalars">Tags such as loss/total, and values.</param>
    public void Scalars(long step, params ReadOnlySpan<(string Tag, double Value)> scalars)
    {
        var summary = new ProtoMessage();
        foreach (var (tag, value) in scalars)
        {
            summary.Add(1, new ProtoMessage().Add(1, tag).Add(2, (float)value));
        }

        Write(Event(step).Add(SummaryField, summary));
    }

    /// <summary>Writes a picture.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="tag">Its name.</param>
    /// <param name="png">A PNG in red, green and blue.</param>
    public void Image(long step, string tag, byte[] png)
    {
        var size = SKBitmap.DecodeBounds(png);
        var image = new ProtoMessage().Add(1, (long)size.Height).Add(2, (long)size.Width).Add(3, (long)Data.PatchPixels.Channels).Add(4, png.Length, () => png);
        Write(Event(step).Add(SummaryField, new ProtoMessage().Add(1, new ProtoMessage().Add(1, tag).Add(4, image))));
    }

    /// <summary>Writes a text; TensorBoard shows it as Markdown.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="tag">Its name.</param>
    /// <param name="text">The text.</param>
    public void Text(long step, string tag, string text)
    {
        var shape = new ProtoMessage().Add(2, new ProtoMessage().Add(1, 1L));
        var tensor = new ProtoMessage().Add(1, StringType).Add(2, shape).Add(8, text);
        var plugin = new ProtoMessage().Add(1, new ProtoMessage().Add(1, "text"));
        Write(Event(step).Add(SummaryField, new ProtoMessage().Add(1, new ProtoMessage().Add(1, tag).Add(8, tensor).Add(9, plugin))));
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>CRC-32C (Castagnoli), as RFC 3720 defines it.</summary>
    /// <param name="data">The bytes.</param>
    /// <returns>The checksum.</returns>
    internal static uint Checksum(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return ~crc;
    }

    /// <summary>A checksum that may itself be part of data that are summed: turned by 15 bits, plus a constant.</summary>
    /// <param name="data">The bytes.</param>
    /// <returns>What stands in the file.</returns>
    internal static uint Masked(ReadOnlySpan<byte> data) => BitOperations.RotateRight(Checksum(data), 15) + 0xa282ead8;

    private FileStream Create(string folder)
    {
        var seconds = _time.GetUtcNow().ToUnixTimeSeconds();
        for (var number = 0; ; number++)
        {
            var path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{seconds:D10}.{number:D3}{Suffix}"));
            if (!File.Exists(path))
            {
                return new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            }
        }
    }

    private ProtoMessage Event(long step) => new ProtoMessage().Add(WallTime, _time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0).Add(Step, step);

    private void Write(ProtoMessage message)
    {
        var data = message.ToArray();
        var record = new byte[data.Length + 16];
        BinaryPrimitives.WriteInt64LittleEndian(record, data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Masked(record.AsSpan(0, 8)));
        data.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + data.Length), Masked(data));
        try
        {
            _file.Write(record);
            _file.Flush();
        }
        catch (IOException e)
        {
            throw new LdaeException(ErrorKind.Run, $"{_file.Name} cannot be written: {e.Message}", "Free disk space; the run goes on from its last checkpoint with --resume.", e);
        }
    }
}

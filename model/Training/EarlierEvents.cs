using System.Buffers.Binary;
using Google.Protobuf;

namespace LDaeCore.Model.Training;

/// <summary>
/// The event files of a run that goes on, trimmed as its metrics are: steps past the checkpoint are run again and would stand there
/// twice in programs that do not purge events as TensorBoard does, or read the files in another order because the clock was set back.
/// </summary>
internal static class EarlierEvents
{
    private const int HeaderBytes = 12, ChecksumBytes = 4;

    /// <summary>Removes the events of later steps, what a crash cut short, and files that tell of such steps only.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="lastStep">The step the run goes on from.</param>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static void Forget(string folder, long lastStep)
    {
        foreach (var path in Directory.GetFiles(folder, $"{EventLog.Prefix}*{EventLog.Suffix}"))
        {
            List<Record> records;
            long length;
            using (var file = File.OpenRead(path))
            {
                (records, length) = ([.. Records(file)], file.Length);
            }

            // The first START is of the step after the one that the file itself went on from.
            var start = records.Find(record => record.IsStart)?.Step - 1 ?? 0;
            var kept = start < lastStep ? records.FindAll(record => record.Step <= lastStep || (record.IsStart && record.Step == start + 1)) : [];
            if (kept.Count == 0)
            {
                File.Delete(path);
            }
            else if (kept.Sum(record => (long)record.Bytes) != length)
            {
                Rewrite(path, kept);
            }
        }
    }

    private static void Rewrite(string path, List<Record> kept)
    {
        var temporary = Path.Combine(Path.GetDirectoryName(path)!, $"{Path.GetFileName(path).Replace(EventLog.Prefix, "", StringComparison.Ordinal)}.tmp");
        using (FileStream from = File.OpenRead(path), to = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            foreach (var record in kept)
            {
                var bytes = new byte[record.Bytes];
                from.Position = record.At;
                from.ReadExactly(bytes);
                to.Write(bytes);
            }
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>The whole records up to the first that is damaged.</summary>
    private static IEnumerable<Record> Records(FileStream file)
    {
        var header = new byte[HeaderBytes];
        while (file.Length - file.Position >= HeaderBytes + ChecksumBytes)
        {
            var at = file.Position;
            file.ReadExactly(header);
            var length = BinaryPrimitives.ReadInt64LittleEndian(header);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)) != EventLog.Masked(header.AsSpan(0, 8))
                || length < 0 || length > Math.Min(file.Length - file.Position - ChecksumBytes, Array.MaxLength - ChecksumBytes))
            {
                yield break;
            }

            var data = new byte[length + ChecksumBytes];
            file.ReadExactly(data);
            var content = data.AsMemory(0, (int)length);
            if (BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan((int)length)) != EventLog.Masked(content.Span))
            {
                yield break;
            }

            yield return Read(content, at, HeaderBytes + data.Length);
        }
    }

    private static Record Read(ReadOnlyMemory<byte> content, long at, int bytes)
    {
        var (step, isStart) = (0L, false);
        using var fields = new CodedInputStream(content.ToArray());
        for (var tag = fields.ReadTag(); tag != 0; tag = fields.ReadTag())
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case EventLog.Step:
                    step = fields.ReadInt64();
                    break;
                case EventLog.SessionLog:
                    isStart = true;
                    fields.SkipLastField();
                    break;
                default:
                    fields.SkipLastField();
                    break;
            }
        }

        return new Record(at, bytes, step, isStart);
    }

    /// <summary>A record: its place, its length with the checksums, the event's step, and whether it is a START.</summary>
    private sealed record Record(long At, int Bytes, long Step, bool IsStart);
}

using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data.Formats;

/// <summary>A regular file of a tar archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Offset">First byte of its content in the archive.</param>
/// <param name="Length">Bytes of its content.</param>
internal readonly record struct TarEntry(string Name, long Offset, long Length);

/// <summary>
/// Names and offsets of the files of a tar archive (ustar, with the long names of pax and GNU), read header by header without their contents.
/// Each length is compared with the archive's before anything is allocated.
/// </summary>
internal static class TarArchive
{
    private const int Block = 512, NameLength = 100, SizeAt = 124, SizeLength = 12, ChecksumAt = 148, ChecksumLength = 8,
        TypeAt = 156, MagicAt = 257, PrefixAt = 345, PrefixLength = 155;

    /// <summary>Longest name in a pax or GNU header.</summary>
    private const long MostNameBytes = 1 << 16;

    private const string Remedy = "Give tar archives as WebDataset has them, uncompressed; download or pack a damaged one again.";

    /// <summary>Lists the regular files.</summary>
    /// <param name="path">The archive.</param>
    /// <returns>The files in their order.</returns>
    /// <exception cref="LdaeException">Data: unreadable, not a tar archive, or truncated; the message names the archive and the byte.</exception>
    public static IEnumerable<TarEntry> Read(string path)
    {
        using var file = new ShardFile(path, Remedy);
        var length = file.Length;
        var header = new byte[Block];
        string? longName = null;
        long? longSize = null;
        var closed = false;
        for (var at = 0L; at < length;)
        {
            file.Read(at, header);
            closed = !header.AsSpan().ContainsAnyExcept((byte)0);
            if (closed)
            {
                RequireEnd(file, at + Block);
                break;
            }

            if (at == 0 && Compression(header) is { } compression)
            {
                throw new LdaeException(
                    ErrorKind.Data, $"{path} is compressed by {compression}, but images are read from their offsets.",
                    $"Unpack the shard once, such as with '{compression} -d', and give the plain .tar file.");
            }

            CheckSum(header, file, at);
            var type = (char)header[TypeAt];
            var size = type is not ('x' or 'L') && longSize is { } stated ? stated : Size(header, file, at);
            var content = at + Block;
            if (size > length - content)
            {
                throw file.Bad(at, $"a file of {size} bytes does not end within the {length} of the archive");
            }

            switch (type)
            {
                case 'x':
                    var (name, stands) = Pax(Content(file, content, size, at), file, at);
                    (longName, longSize) = (name ?? longName, stands ?? longSize);
                    break;
                case 'L':
                    longName = Text(Content(file, content, size, at));
                    break;
                case '0' or '\0' or '7':
                    yield return new TarEntry(longName ?? Name(header), content, size);
                    break;
            }

            if (type is not ('x' or 'L'))
            {
                (longName, longSize) = (null, null);
            }

            at = content + ((size + Block - 1) / Block * Block);
        }

        // An archive that was cut between two files would be a smaller data set.
        if (!closed)
        {
            throw file.Bad(length, "the archive ends without the block of zeros that closes it");
        }
    }

    /// <summary>Reads a file's content, or its first bytes.</summary>
    /// <param name="path">The archive.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="count">How many.</param>
    /// <returns>The bytes.</returns>
    public static byte[] ReadContent(string path, long offset, int count)
    {
        using var file = new ShardFile(path, Remedy);
        return file.Read(offset, count);
    }

    /// <summary>Only zeros may follow the closing block: a second archive would be ignored silently.</summary>
    private static void RequireEnd(ShardFile file, long from)
    {
        var rest = new byte[Block];
        for (var at = from; at < file.Length; at += Block)
        {
            var some = rest.AsSpan(0, (int)Math.Min(Block, file.Length - at));
            file.Read(at, some);
            if (some.ContainsAnyExcept((byte)0))
            {
                throw file.Bad(at, "something follows the end of the archive, such as a second one, which 'tar --concatenate' would join");
            }
        }
    }

    private static byte[] Content(ShardFile file, long content, long size, long at) => file.Read(
        content, size <= MostNameBytes ? (int)size : throw file.Bad(at, $"a name of {size} bytes is longer than {MostNameBytes}"));

    /// <summary>The program whose output begins with these bytes, or null.</summary>
    private static string? Compression(ReadOnlySpan<byte> header) => header switch
    {
        [0x1f, 0x8b, ..] => "gzip",
        [(byte)'B', (byte)'Z', (byte)'h', ..] => "bzip2",
        [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] => "xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        _ => null,
    };

    private static void CheckSum(byte[] header, ShardFile file, long at)
    {
        var sum = 0L;
        for (var i = 0; i < Block; i++)
        {
            sum += i is >= ChecksumAt and < ChecksumAt + ChecksumLength ? ' ' : header[i];
        }

        if (Octal(header.AsSpan(ChecksumAt, ChecksumLength)) != sum)
        {
            throw file.Bad(at, "this is not a file header: its checksum is wrong");
        }
    }

    private static long Size(byte[] header, ShardFile file, long at)
    {
        // GNU's form for files of 8 GiB and more: a set bit, then a big-endian number.
        var field = header.AsSpan(SizeAt, SizeLength);
        var size = field[0] >= 0x80 ? BinaryPrimitives.ReadInt64BigEndian(field[4..]) : Octal(field);
        return size >= 0 ? size : throw file.Bad(at, "the size of a file is not a number");
    }

    /// <summary>An octal number between spaces or zero bytes, or -1.</summary>
    private static long Octal(ReadOnlySpan<byte> field)
    {
        var digits = field.Trim((ReadOnlySpan<byte>)[(byte)' ', 0]);
        var value = 0L;
        foreach (var digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'7')
            {
                return -1;
            }

            value = (value << 3) | (long)(digit - '0');
        }

        return digits.IsEmpty ? -1 : value;
    }

    private static string Name(byte[] header)
    {
        var name = Text(header.AsSpan(0, NameLength));
        var isUstar = header.AsSpan(MagicAt, 6).SequenceEqual("ustar\0"u8);
        return isUstar && Text(header.AsSpan(PrefixAt, PrefixLength)) is { Length: > 0 } prefix ? $"{prefix}/{name}" : name;
    }

    /// <summary>Records "LENGTH KEY=VALUE\n", LENGTH counting all of them.</summary>
    private static (string? Name, long? Size) Pax(ReadOnlySpan<byte> records, ShardFile file, long at)
    {
        var (name, size) = ((string?)null, (long?)null);
        while (!records.IsEmpty)
        {
            var space = records.IndexOf((byte)' ');
            if (space < 1 || !int.TryParse(records[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var length) || length <= space + 1 || length > records.Length)
            {
                throw file.Bad(at, "a damaged pax header");
            }

            var record = records[(space + 1)..length].TrimEnd((byte)'\n');
            if (record.StartsWith("path="u8))
            {
                name = Encoding.UTF8.GetString(record[5..]);
            }
            else if (record.StartsWith("size="u8))
            {
                size = long.TryParse(record[5..], NumberStyles.None, CultureInfo.InvariantCulture, out var stated) ? stated : throw file.Bad(at, "a pax size that is not a number");
            }

            records = records[length..];
        }

        return (name, size);
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }
}

using System.Text;

namespace LDaeCore.Model.Data;

/// <summary>Reads where a row group has a column.</summary>
internal static class ParquetChunks
{
    /// <summary>Reads one.</summary>
    /// <param name="reader">In front of it.</param>
    /// <param name="fileLength">Bytes of the file, in which it must lie.</param>
    /// <returns>The column's name and where it is.</returns>
    /// <exception cref="InvalidDataException">It is damaged or does not lie in the file.</exception>
    public static (string Name, ParquetChunk Chunk) Read(ref ThriftReader reader, long fileLength)
    {
        (string, ParquetChunk)? found = null;
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            if (field == 1 && !reader.Binary(type).IsEmpty)
            {
                throw new InvalidDataException("columns in another file");
            }

            if (field == 3 && type == ThriftType.Struct)
            {
                found = MetaData(ref reader, fileLength);
            }
            else if (field != 1)
            {
                reader.Skip(type);
            }
        }

        return found ?? throw new InvalidDataException("a column without a description");
    }

    private static (string Name, ParquetChunk Chunk) MetaData(ref ThriftReader reader, long fileLength)
    {
        var (name, codec, unpacked, length, pages, dictionary) = ("", -1, 0L, -1L, 0L, 0L);
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 3:
                    name = Path(ref reader, type);
                    break;
                case 4:
                    codec = reader.Int32(type);
                    break;
                case 6:
                    unpacked = reader.Int64(type);
                    break;
                case 7:
                    length = reader.Int64(type);
                    break;
                case 9:
                    pages = reader.Int64(type);
                    break;
                case 11:
                    dictionary = reader.Int64(type);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        // Some writers put 0 where there is no dictionary.
        var start = dictionary > 0 && dictionary < pages ? dictionary : pages;
        return start >= 4 && length >= 0 && length <= Array.MaxLength && start <= fileLength - length
            ? (name, new ParquetChunk(start, (int)length, unpacked, codec))
            : throw new InvalidDataException($"column {name}: {length} bytes from byte {start} on do not lie in the file, or are more than {Array.MaxLength}");
    }

    private static string Path(ref ThriftReader reader, ThriftType list)
    {
        var path = new StringBuilder();
        for (var left = reader.List(list, out var type); left > 0; left--)
        {
            path.Append(path.Length > 0 ? "." : "").Append(Encoding.UTF8.GetString(reader.Binary(type)));
        }

        return path.ToString();
    }
}

namespace LDaeCore.Model.Data;

/// <summary>The header of a page.</summary>
internal struct ParquetPage
{
    /// <summary>Parquet's numbers of the kinds of pages.</summary>
    public const int Data = 0, Dictionary = 2, DataV2 = 3;

    /// <summary>Parquet's number of the one encoding of levels that is left.</summary>
    public const int RunLength = 3;

    public int Kind, Unpacked, Packed, Values, Encoding, LevelEncoding, Levels, Repetitions;
    public bool IsPacked;

    /// <summary>Reads one.</summary>
    /// <param name="reader">In front of it.</param>
    /// <returns>The header, its sizes not below zero.</returns>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static ParquetPage Read(ref ThriftReader reader)
    {
        var page = new ParquetPage { Kind = -1, IsPacked = true };
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 1:
                    page.Kind = reader.Int32(type);
                    break;
                case 2:
                    page.Unpacked = reader.Int32(type);
                    break;
                case 3:
                    page.Packed = reader.Int32(type);
                    break;
                case 5 or 7 or 8 when type == ThriftType.Struct:
                    page.ReadInner(ref reader, field == 8);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }

        return page.Unpacked >= 0 && page.Packed >= 0 && page.Values >= 0 && page.Levels >= 0 && page.Repetitions >= 0
            ? page
            : throw new InvalidDataException("a page of a size below zero");
    }

    /// <summary>Headers of dictionaries and of both versions of data pages begin alike.</summary>
    private void ReadInner(ref ThriftReader reader, bool second)
    {
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 1:
                    Values = reader.Int32(type);
                    break;
                case 2 when !second:
                case 4 when second:
                    Encoding = reader.Int32(type);
                    break;
                case 3 when !second && type == ThriftType.Int32:
                    // A dictionary's third field is a truth, and has another type.
                    LevelEncoding = reader.Int32(type);
                    break;
                case 5 when second:
                    Levels = reader.Int32(type);
                    break;
                case 6 when second:
                    Repetitions = reader.Int32(type);
                    break;
                case 7 when second:
                    IsPacked = type == ThriftType.True;
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }
    }
}

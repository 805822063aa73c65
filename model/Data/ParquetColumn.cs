namespace LDaeCore.Model.Data;

/// <summary>A column of a Parquet file.</summary>
/// <param name="Name">Its name, with those of the structs it is in: <c>image.bytes</c>.</param>
/// <param name="Type">Parquet's number of its type.</param>
/// <param name="Optional">How many of it and the structs around it may be missing: the definition level of a value that is there.</param>
/// <param name="IsRepeated">Whether it is in a list.</param>
/// <param name="IsText">Whether its bytes are said to be UTF-8.</param>
internal sealed record ParquetColumn(string Name, int Type, int Optional, bool IsRepeated, bool IsText = false)
{
    /// <summary>Parquet's numbers of the types that are read.</summary>
    public const int Int32 = 1, Int64 = 2, ByteArray = 6;
}

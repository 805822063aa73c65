namespace LDaeCore.Model.Data;

/// <summary>What a row group has of a column.</summary>
/// <param name="Start">First byte in the file.</param>
/// <param name="Length">Bytes in the file.</param>
/// <param name="Unpacked">Bytes when unpacked, as the file says: a hint.</param>
/// <param name="Codec">Parquet's number of its compression.</param>
internal readonly record struct ParquetChunk(long Start, int Length, long Unpacked, int Codec);

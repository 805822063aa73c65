namespace LDaeCore.Model.Data;

/// <summary>A row group of a Parquet file.</summary>
/// <param name="Rows">Its rows.</param>
/// <param name="Images">The column of encoded images.</param>
/// <param name="Labels">The column of classes; null where there is none.</param>
internal readonly record struct ParquetRowGroup(int Rows, ParquetChunk Images, ParquetChunk? Labels);

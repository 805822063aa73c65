namespace LDaeCore.Model.Layers;

/// <summary>
/// Fixed two-dimensional sine-cosine positions as MAE and DiT build them: the first half of the columns encodes a token's
/// column in the image, the second half its row; each half is sines, then cosines, of the coordinate times
/// 10000^(-i / (width / 4)).
/// </summary>
public static class SinCosPositions
{
    /// <summary>The table for a square grid.</summary>
    /// <param name="grid">Tokens along one side.</param>
    /// <param name="width">Columns; a multiple of 4.</param>
    /// <returns>[grid * grid, width], tokens in row-major order.</returns>
    public static double[] Table(int grid, int width)
    {
        if (width % 4 != 0)
        {
            throw new ArgumentException($"A two-dimensional position takes a width that is a multiple of 4, not {width}.", nameof(width));
        }

        var table = new double[grid * grid * width];
        var quarter = width / 4;
        for (var token = 0; token < grid * grid; token++)
        {
            var row = table.AsSpan(token * width, width);
            for (var i = 0; i < quarter; i++)
            {
                var frequency = Math.Pow(10000, -(double)i / quarter);
                (row[i], row[quarter + i]) = Math.SinCos(token % grid * frequency);
                (row[(2 * quarter) + i], row[(3 * quarter) + i]) = Math.SinCos(token / grid * frequency);
            }
        }

        return table;
    }
}

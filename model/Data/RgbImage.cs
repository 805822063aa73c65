namespace LDaeCore.Model.Data;

/// <summary>A decoded image of three bytes a pixel.</summary>
/// <param name="Width">Pixels across.</param>
/// <param name="Height">Pixels down.</param>
/// <param name="Pixels">Red, green, blue of each pixel, rows from the top [Height, Width, 3].</param>
public sealed record RgbImage(int Width, int Height, byte[] Pixels);

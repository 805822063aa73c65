using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// Where a training image comes from: a part of an image of a data set, the size that the part is resized to, and where in the
/// resized part the result begins. The code that draws it decides; the code that resizes applies it.
/// </summary>
/// <param name="Image">Number of the image.</param>
/// <param name="Left">First column of the part.</param>
/// <param name="Top">First row of the part.</param>
/// <param name="Width">Columns of the part.</param>
/// <param name="Height">Rows of the part.</param>
/// <param name="ResizedWidth">Columns it is resized to.</param>
/// <param name="ResizedHeight">Rows it is resized to.</param>
/// <param name="Across">First column of the result in the resized part.</param>
/// <param name="Down">First row of the result in the resized part.</param>
/// <param name="Mirrored">1 when the result is mirrored left to right, else 0.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct CropBox(
    int Image, int Left, int Top, int Width, int Height, int ResizedWidth, int ResizedHeight, int Across, int Down, int Mirrored)
{
    /// <summary>Numbers of a box, as a device's table has them.</summary>
    public const int Numbers = 10;
}

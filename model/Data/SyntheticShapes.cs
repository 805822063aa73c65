namespace LDaeCore.Model.Data;

/// <summary>
/// Signed distances to the ten synthetic shapes, negative inside, in a frame where each fits the unit circle.
/// Unions and intersections give a lower bound on the distance, which is exact near the outline.
/// </summary>
internal static class SyntheticShapes
{
    private const float Period = 0.56f;

    /// <summary>Names of the classes, by label.</summary>
    public static readonly string[] Names =
        ["disc", "ring", "square", "triangle", "cross", "star", "crescent", "stripes", "checker", "dots"];

    /// <summary>Distance from a point to the outline of a class's shape.</summary>
    /// <param name="label">0..9.</param>
    /// <param name="x">Across, in units of the shape's radius.</param>
    /// <param name="y">Down, in units of the shape's radius.</param>
    /// <returns>The distance in the same units, negative inside.</returns>
    public static float Distance(int label, float x, float y) => label switch
    {
        0 => Disc(x, y, 0.92f),
        1 => MathF.Abs(Disc(x, y, 0.76f)) - 0.2f,
        2 => Box(x, y, 0.7f, 0.7f),
        3 => Triangle(x, y),
        4 => MathF.Min(Box(x, y, 0.94f, 0.28f), Box(x, y, 0.28f, 0.94f)),
        5 => Star(x, y),
        6 => MathF.Max(Disc(x, y, 0.96f), -Disc(x - 0.5f, y, 0.72f)),
        7 => MathF.Max(Disc(x, y, 1), Stripes(x)),
        8 => MathF.Max(Disc(x, y, 1), Checker(x, y)),
        9 => MathF.Max(Disc(x, y, 1), Disc(Fold(x), Fold(y), 0.19f)),
        _ => throw new ArgumentOutOfRangeException(nameof(label)),
    };

    private static float Disc(float x, float y, float radius) => MathF.Sqrt((x * x) + (y * y)) - radius;

    private static float Box(float x, float y, float halfWidth, float halfHeight) =>
        MathF.Max(MathF.Abs(x) - halfWidth, MathF.Abs(y) - halfHeight);

    /// <summary>Equilateral, its corners on the unit circle: three half planes at half the radius.</summary>
    private static float Triangle(float x, float y)
    {
        const float halfRoot3 = 0.8660254f;
        return MathF.Max(y, (halfRoot3 * MathF.Abs(x)) - (0.5f * y)) - 0.5f;
    }

    /// <summary>Five points: the plane folds into one tenth, where the outline is one line from tip to notch.</summary>
    private static float Star(float x, float y)
    {
        const float tenth = MathF.PI / 5, notch = 0.42f;
        var angle = MathF.Abs(MathF.IEEERemainder(MathF.Atan2(y, x), 2 * tenth));
        var radius = MathF.Sqrt((x * x) + (y * y));
        var (sin, cos) = MathF.SinCos(angle);
        var (sinNotch, cosNotch) = MathF.SinCos(tenth);
        float dx = (notch * cosNotch) - 1, dy = notch * sinNotch;
        var cross = (dy * ((radius * cos) - 1)) - (dx * radius * sin);
        return cross / MathF.Sqrt((dx * dx) + (dy * dy));
    }

    private static float Stripes(float x) => MathF.Abs(Fold(x)) - (Period / 4);

    private static float Checker(float x, float y)
    {
        float a = Stripes(x), b = Stripes(y);
        return MathF.Max(MathF.Min(a, b), -MathF.Max(a, b));
    }

    private static float Fold(float x) => MathF.IEEERemainder(x, Period);
}

using System.Globalization;

namespace LDaeCore.Model.Recipes;

/// <summary>The numbers a field may take.</summary>
/// <param name="Min">The smallest.</param>
/// <param name="Max">The largest; infinity for no limit.</param>
/// <param name="OpenMin">Whether the smallest itself is left out.</param>
/// <param name="OpenMax">Whether the largest itself is left out.</param>
public readonly record struct NumberRange(double Min, double Max, bool OpenMin = false, bool OpenMax = false)
{
    /// <summary>From 0 to 1, both included.</summary>
    public static NumberRange Share { get; } = new(0, 1);

    /// <summary>From 0 to below 1.</summary>
    public static NumberRange Decay { get; } = new(0, 1, OpenMax: true);

    /// <summary>Every finite number above 0.</summary>
    public static NumberRange Positive { get; } = new(0, double.PositiveInfinity, OpenMin: true);

    /// <summary>Every finite number from a smallest one on.</summary>
    /// <param name="min">The smallest.</param>
    /// <returns>The range.</returns>
    public static NumberRange From(double min) => new(min, double.PositiveInfinity);

    /// <summary>Whether a number is finite and in the range.</summary>
    /// <param name="value">The number.</param>
    /// <returns>True when it is.</returns>
    public bool Contains(double value) =>
        double.IsFinite(value) && (OpenMin ? value > Min : value >= Min) && (OpenMax ? value < Max : value <= Max);

    /// <summary>The range in words, such as "from 0 to below 1".</summary>
    /// <returns>The words.</returns>
    public override string ToString()
    {
        var min = string.Create(CultureInfo.InvariantCulture, $"{(OpenMin ? "above" : "from")} {Min}");
        return double.IsFinite(Max)
            ? string.Create(CultureInfo.InvariantCulture, $"{min} to {(OpenMax ? "below " : "")}{Max}")
            : OpenMin ? min : string.Create(CultureInfo.InvariantCulture, $"{Min} or more");
    }
}

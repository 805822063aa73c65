using System.Globalization;

namespace LDaeCore.Runner;

/// <summary>Numbers with their nouns.</summary>
internal static class Wording
{
    /// <summary>"1 image", "2 images".</summary>
    public static string Count(long number, string one, string? many = null) =>
        string.Create(CultureInfo.InvariantCulture, $"{number} {(number == 1 ? one : many ?? one + "s")}");
}

using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace LDaeCore.Model.Recipes;

/// <summary>The kinds of fields: whole numbers, real numbers, switches and choices, the numbers also optional.</summary>
public static partial class RecipeFields
{
    private const string Absent = "null";

    private const NumberStyles WholeStyle = NumberStyles.Integer | NumberStyles.AllowExponent | NumberStyles.AllowDecimalPoint;

    private static RecipeField Whole<T>(string name, string description, NumberRange range, Func<Recipe, T> get, Func<Recipe, T, Recipe> with)
        where T : struct, IBinaryInteger<T> => new(
            name,
            description,
            $"a whole number {range}",
            recipe => get(recipe).ToString(null, CultureInfo.InvariantCulture),
            (recipe, text) => ParseWhole<T>(text, range) is { } value ? with(recipe, value) : null)
        {
            Range = range,
            IsWhole = true,
        };

    private static RecipeField WholeOrNull(string name, string description, NumberRange range, Func<Recipe, int?> get, Func<Recipe, int?, Recipe> with) => new(
        name,
        description,
        $"a whole number {range}, or null",
        recipe => get(recipe)?.ToString(CultureInfo.InvariantCulture) ?? Absent,
        (recipe, text) => text == Absent ? with(recipe, null) : ParseWhole<int>(text, range) is { } value ? with(recipe, value) : null)
    {
        Range = range,
        IsWhole = true,
        IsOptional = true,
    };

    private static RecipeField Real(string name, string description, NumberRange range, Func<Recipe, double> get, Func<Recipe, double, Recipe> with) => new(
        name,
        description,
        $"a number {range}",
        recipe => Format(get(recipe)),
        (recipe, text) => ParseReal(text, range) is { } value ? with(recipe, value) : null)
    {
        Range = range,
    };

    private static RecipeField RealOrNull(string name, string description, NumberRange range, Func<Recipe, double?> get, Func<Recipe, double?, Recipe> with) => new(
        name,
        description,
        $"a number {range}, or null",
        recipe => get(recipe) is { } value ? Format(value) : Absent,
        (recipe, text) => text == Absent ? with(recipe, null) : ParseReal(text, range) is { } value ? with(recipe, value) : null)
    {
        Range = range,
        IsOptional = true,
    };

    private static RecipeField Switch(string name, string description, Func<Recipe, bool> get, Func<Recipe, bool, Recipe> with) => new(
        name,
        description,
        "true (on) or false (off)",
        recipe => get(recipe) ? "true" : "false",
        (recipe, text) => text.ToLowerInvariant() switch
        {
            "true" or "on" => with(recipe, true),
            "false" or "off" => with(recipe, false),
            _ => null,
        });

    private static RecipeField Choice<T>(string name, string description, Func<Recipe, T> get, Func<Recipe, T, Recipe> with)
        where T : struct, Enum
    {
        var values = Enum.GetValues<T>();
        string[] names = [.. values.Select(value => Named(value))];
        return new RecipeField(
            name,
            description,
            $"one of {string.Join(", ", names)}",
            recipe => Named(get(recipe)),
            (recipe, text) =>
            {
                // Other spellings of the same words are taken too: gelu_erf, ImageNet.
                var plain = text.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal);
                var found = Array.FindIndex(names, choice => choice.Equals(plain, StringComparison.OrdinalIgnoreCase));
                return found < 0 ? null : with(recipe, values[found]);
            })
        {
            Choices = names,
        };
    }

    private static string Named<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    private static string Format(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static T? ParseWhole<T>(string text, NumberRange range)
        where T : struct, IBinaryInteger<T> =>
        T.TryParse(text, WholeStyle, CultureInfo.InvariantCulture, out var value) && range.Contains(double.CreateChecked(value)) ? value : null;

    private static double? ParseReal(string text, NumberRange range) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && range.Contains(value) ? value : null;
}

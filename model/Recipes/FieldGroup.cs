using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace LDaeCore.Model.Recipes;

/// <summary>
/// The fields of one group of a recipe, added one by one: whole numbers, real numbers, switches and choices, the numbers also
/// optional.
/// </summary>
/// <typeparam name="TGroup">The group's record.</typeparam>
/// <param name="name">The group's name.</param>
/// <param name="get">The group of a recipe.</param>
/// <param name="with">A recipe with another group.</param>
internal sealed class FieldGroup<TGroup>(string name, Func<Recipe, TGroup> get, Func<Recipe, TGroup, Recipe> with)
{
    private const string Absent = "null";

    private const NumberStyles WholeStyle = NumberStyles.Integer | NumberStyles.AllowExponent | NumberStyles.AllowDecimalPoint;

    private readonly List<RecipeField> _fields = [];

    /// <summary>The fields added so far, in order.</summary>
    public IReadOnlyList<RecipeField> All => _fields;

    public FieldGroup<TGroup> Whole<T>(string key, string description, NumberRange range, Func<TGroup, T> read, Func<TGroup, T, TGroup> write)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> => Add(
            new RecipeField(
                $"{name}.{key}",
                description,
                $"a whole number {Words<T>(range)}",
                recipe => read(get(recipe)).ToString(null, CultureInfo.InvariantCulture),
                (recipe, text) => ParseWhole<T>(text, range) is { } value ? With(recipe, value, write) : null)
            {
                Range = range,
                IsWhole = true,
            });

    public FieldGroup<TGroup> WholeOrNull(
        string key, string description, NumberRange range, Func<TGroup, int?> read, Func<TGroup, int?, TGroup> write) => Add(
            new RecipeField(
                $"{name}.{key}",
                description,
                $"a whole number {Words<int>(range)}, or null",
                recipe => read(get(recipe))?.ToString(CultureInfo.InvariantCulture) ?? Absent,
                (recipe, text) => text == Absent ? With(recipe, null, write)
                    : ParseWhole<int>(text, range) is { } value ? With(recipe, value, write) : null)
            {
                Range = range,
                IsWhole = true,
                IsOptional = true,
            });

    public FieldGroup<TGroup> Real(string key, string description, NumberRange range, Func<TGroup, double> read, Func<TGroup, double, TGroup> write) => Add(
        new RecipeField(
            $"{name}.{key}",
            description,
            $"a number {range}",
            recipe => Format(read(get(recipe))),
            (recipe, text) => ParseReal(text, range) is { } value ? With(recipe, value, write) : null)
        {
            Range = range,
        });

    public FieldGroup<TGroup> RealOrNull(
        string key, string description, NumberRange range, Func<TGroup, double?> read, Func<TGroup, double?, TGroup> write) => Add(
            new RecipeField(
                $"{name}.{key}",
                description,
                $"a number {range}, or null",
                recipe => read(get(recipe)) is { } value ? Format(value) : Absent,
                (recipe, text) => text == Absent ? With(recipe, null, write)
                    : ParseReal(text, range) is { } value ? With(recipe, value, write) : null)
            {
                Range = range,
                IsOptional = true,
            });

    public FieldGroup<TGroup> Switch(string key, string description, Func<TGroup, bool> read, Func<TGroup, bool, TGroup> write) => Add(
        new RecipeField(
            $"{name}.{key}",
            description,
            "true (on) or false (off)",
            recipe => read(get(recipe)) ? "true" : "false",
            (recipe, text) => text.ToLowerInvariant() switch
            {
                "true" or "on" => With(recipe, true, write),
                "false" or "off" => With(recipe, false, write),
                _ => null,
            }));

    public FieldGroup<TGroup> Choice<T>(string key, string description, Func<TGroup, T> read, Func<TGroup, T, TGroup> write)
        where T : struct, Enum => Add(
            new RecipeField(
                $"{name}.{key}",
                description,
                $"one of {string.Join(", ", Names<T>())}",
                recipe => Named(read(get(recipe))),
                (recipe, text) => ParseChoice<T>(text) is { } value ? With(recipe, value, write) : null)
            {
                Choices = Names<T>(),
            });

    public FieldGroup<TGroup> ChoiceOrNull<T>(string key, string description, Func<TGroup, T?> read, Func<TGroup, T?, TGroup> write)
        where T : struct, Enum => Add(
            new RecipeField(
                $"{name}.{key}",
                description,
                $"one of {string.Join(", ", Names<T>())}, or null",
                recipe => read(get(recipe)) is { } value ? Named(value) : Absent,
                (recipe, text) => text == Absent ? With(recipe, null, write)
                    : ParseChoice<T>(text) is { } value ? With(recipe, value, write) : null)
            {
                Choices = Names<T>(),
                IsOptional = true,
            });

    private Recipe With<T>(Recipe recipe, T value, Func<TGroup, T, TGroup> write) => with(recipe, write(get(recipe), value));

    private FieldGroup<TGroup> Add(RecipeField field)
    {
        _fields.Add(field);
        return this;
    }

    private static string[] Names<T>()
        where T : struct, Enum => [.. Enum.GetValues<T>().Select(value => Named(value))];

    /// <summary>The value of a name; other spellings of the same words are taken too: gelu_erf, ImageNet.</summary>
    private static T? ParseChoice<T>(string text)
        where T : struct, Enum
    {
        var plain = text.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal);
        var found = Array.FindIndex(Names<T>(), choice => choice.Equals(plain, StringComparison.OrdinalIgnoreCase));
        return found < 0 ? null : Enum.GetValues<T>()[found];
    }

    private static string Named<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    /// <summary>The range in words; where it has no end, the number type has.</summary>
    private static string Words<T>(NumberRange range)
        where T : struct, IMinMaxValue<T>, IFormattable =>
        double.IsFinite(range.Max) ? range.ToString() : string.Create(CultureInfo.InvariantCulture, $"from {range.Min} to {T.MaxValue}");

    private static string Format(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static T? ParseWhole<T>(string text, NumberRange range)
        where T : struct, IBinaryInteger<T> =>
        T.TryParse(text, WholeStyle, CultureInfo.InvariantCulture, out var value) && range.Contains(double.CreateChecked(value)) ? value : null;

    private static double? ParseReal(string text, NumberRange range) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && range.Contains(value) ? value : null;
}

using System.Globalization;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Recipes;

/// <summary>One field of a recipe: its name, what it is, and how text gets in and out of it.</summary>
public sealed class RecipeField
{
    private readonly Func<Recipe, string> _get;
    private readonly Func<Recipe, string, Recipe?> _set;

    /// <summary>A field.</summary>
    /// <param name="name">Group and field, such as "train.lr".</param>
    /// <param name="description">What it is, in one line.</param>
    /// <param name="allowed">Which values it takes, in words.</param>
    /// <param name="get">Its value as text.</param>
    /// <param name="set">A recipe with the value that a text gives, or null when the text gives none that is allowed.</param>
    internal RecipeField(string name, string description, string allowed, Func<Recipe, string> get, Func<Recipe, string, Recipe?> set)
    {
        Name = name;
        Description = description;
        Allowed = allowed;
        _get = get;
        _set = set;
    }

    /// <summary>Group and field, such as "train.lr": its place in a JSON document and its name in <c>--set</c>.</summary>
    public string Name { get; }

    /// <summary>The part of the name before the dot.</summary>
    public string Group => Name[..Name.IndexOf('.', StringComparison.Ordinal)];

    /// <summary>The part of the name after the dot.</summary>
    public string Key => Name[(Name.IndexOf('.', StringComparison.Ordinal) + 1)..];

    /// <summary>What the field is, in one line.</summary>
    public string Description { get; }

    /// <summary>Which values it takes, in words.</summary>
    public string Allowed { get; }

    /// <summary>The values of a choice as they are written; empty for numbers and switches.</summary>
    public IReadOnlyList<string> Choices { get; internal init; } = [];

    /// <summary>The numbers it takes; null for choices and switches.</summary>
    public NumberRange? Range { get; internal init; }

    /// <summary>Whether it takes whole numbers only.</summary>
    public bool IsWhole { get; internal init; }

    /// <summary>Whether it may be null: not given.</summary>
    public bool IsOptional { get; internal init; }

    /// <summary>The value in a recipe, as text: a number, true or false, null, or the name of a choice.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <returns>The text; <see cref="Set"/> reads it back to the same value.</returns>
    public string Get(Recipe recipe) => _get(recipe);

    /// <summary>A recipe with another value in this field.</summary>
    /// <param name="recipe">The recipe; left as it is.</param>
    /// <param name="text">The value as text.</param>
    /// <returns>The changed recipe.</returns>
    /// <exception cref="LdaeException">Configuration: the text is no value of this field, or out of its range.</exception>
    public Recipe Set(Recipe recipe, string text) => _set(recipe, text) ?? throw new LdaeException(
        ErrorKind.Configuration,
        $"{Name} = {text} is not allowed: it takes {Allowed}.",
        Choices.Count > 0 ? $"Did you mean '{NearestName.Of(text, Choices)}'?" : $"Give {Name} {Allowed}.");
}

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

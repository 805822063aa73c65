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

using System.Globalization;
using CsCheck;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Recipes;

/// <summary>Random assignments of any field, and what a refusal looks like.</summary>
internal static class Assignments
{
    /// <summary>A recipe with up to thirty fields at random values, not necessarily one that makes sense as a whole.</summary>
    public static Gen<Recipe> Recipe { get; } = Gen.Int[0, RecipeFields.All.Count - 1]
        .SelectMany(i => Value(RecipeFields.All[i]).Select(text => (Field: RecipeFields.All[i], Text: text)))
        .List[0, 30]
        .Select(changes => changes.Aggregate(new Recipe(), (recipe, change) => change.Field.Set(recipe, change.Text)));

    public static LdaeException Refusal(Action action)
    {
        var error = Assert.Throws<LdaeException>(() => action());
        Assert.That(error!.Kind, Is.EqualTo(ErrorKind.Configuration));
        return error;
    }

    private static Gen<string> Value(RecipeField field)
    {
        if (field.Choices.Count > 0)
        {
            return Gen.Int[0, field.Choices.Count - 1].Select(i => field.Choices[i]);
        }

        if (field.Range is not { } range)
        {
            return Gen.Bool.Select(on => on ? "true" : "off");
        }

        var number = field.IsWhole
            ? Gen.Long[(long)range.Min, (long)Math.Min(range.Max, int.MaxValue)].Select(v => v.ToString(CultureInfo.InvariantCulture))
            : Gen.Double[range.Min, Math.Min(range.Max, 1e6)].Where(range.Contains).Select(v => v.ToString("R", CultureInfo.InvariantCulture));
        return field.IsOptional ? Gen.OneOf(number, Gen.Const("null")) : number;
    }
}

using System.Text;
using System.Text.Json;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Recipes;

/// <summary>
/// Recipes as JSON. Read: comments and trailing commas allowed, fields nested in their groups or under their dotted names,
/// in any number, over the preset that "preset" names or the defaults. Written: resolved, every field, in the table's order.
/// </summary>
public static class RecipeJson
{
    private const string Preset = "preset";

    private static readonly string[] Groups = [.. RecipeFields.All.Select(field => field.Group).Distinct()];

    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Reads a document.</summary>
    /// <param name="json">Its text.</param>
    /// <param name="source">What to call it in messages: a path.</param>
    /// <returns>The recipe as written, neither resolved nor checked as a whole.</returns>
    /// <exception cref="LdaeException">Configuration: no JSON object, an unknown field or preset, a value a field does not take.</exception>
    public static Recipe Read(string json, string source = "the configuration")
    {
        using var document = Parse(json, source);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new LdaeException(
                ErrorKind.Configuration,
                $"{source} holds {Describe(root)}, not a JSON object.",
                "Write { \"preset\": \"cifar-tiny\", \"train\": { \"steps\": 100 } }.");
        }

        try
        {
            var recipe = root.TryGetProperty(Preset, out var preset) ? Presets.Get(Text(preset, Preset, source)) : new Recipe();
            var names = new HashSet<string>(StringComparer.Ordinal);
            return RecipeFields.TimeAlone(Assign(recipe, root, "", source, names), names);
        }
        catch (InvalidOperationException e)
        {
            // An escaped half of a surrogate pair is well-formed JSON, but no text.
            throw new LdaeException(ErrorKind.Configuration, $"A name or a string in {source} is not valid Unicode.", "Look for \\u escapes in it and correct them.", e);
        }
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">Its path.</param>
    /// <returns>As <see cref="Read"/>.</returns>
    /// <exception cref="LdaeException">Configuration: the file cannot be read, or as <see cref="Read"/> has it.</exception>
    public static Recipe ReadFile(string path)
    {
        try
        {
            return Read(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LdaeException(ErrorKind.Configuration, $"{path} cannot be read: {e.Message}", "Give --config the path of a JSON file.", e);
        }
    }

    /// <summary>Writes a recipe as an indented document.</summary>
    /// <param name="recipe">The recipe; its dependent defaults are resolved first.</param>
    /// <returns>The document; <see cref="Read"/> gives back the resolved recipe.</returns>
    public static string Write(Recipe recipe)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            WriteTo(writer, recipe);
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length) + "\n";
    }

    /// <summary>Writes a recipe as one JSON object into a larger document.</summary>
    /// <param name="writer">Where a value is expected.</param>
    /// <param name="recipe">The recipe; its dependent defaults are resolved first.</param>
    public static void WriteTo(Utf8JsonWriter writer, Recipe recipe)
    {
        var resolved = recipe.Resolve();
        writer.WriteStartObject();
        foreach (var group in RecipeFields.All.GroupBy(field => field.Group))
        {
            writer.WriteStartObject(group.Key);
            foreach (var field in group)
            {
                writer.WritePropertyName(field.Key);
                var value = field.Get(resolved);
                if (field.Choices.Contains(value))
                {
                    writer.WriteStringValue(value);
                }
                else
                {
                    writer.WriteRawValue(value);
                }
            }

            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static JsonDocument Parse(string json, string source)
    {
        try
        {
            return JsonDocument.Parse(json, Lenient);
        }
        catch (JsonException e)
        {
            throw new LdaeException(
                ErrorKind.Configuration,
                $"{source} is not JSON, at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.",
                "Correct the file there; comments and trailing commas are allowed.",
                e);
        }
    }

    private static Recipe Assign(Recipe recipe, JsonElement element, string prefix, string source, HashSet<string> names)
    {
        foreach (var property in element.EnumerateObject())
        {
            var name = prefix + property.Name;
            if (name == Preset)
            {
                continue;
            }

            var isGroup = prefix.Length == 0 && Groups.Contains(name);
            var isObject = property.Value.ValueKind == JsonValueKind.Object;
            if (isGroup && !isObject)
            {
                throw new LdaeException(
                    ErrorKind.Configuration,
                    $"'{name}' of {source} is {Describe(property.Value)}, not an object of fields.",
                    $"Write \"{name}\": {{ ... }}.");
            }

            if (isObject && prefix.Length == 0 && !isGroup)
            {
                throw new LdaeException(
                    ErrorKind.Configuration,
                    $"There is no group '{name}' in a recipe.",
                    $"Did you mean '{NearestName.Of(name, Groups)}'?");
            }

            names.Add(name);
            recipe = isGroup
                ? Assign(recipe, property.Value, name + ".", source, names)
                : RecipeFields.Get(name).Set(recipe, Text(property.Value, name, source));
        }

        return recipe;
    }

    private static string Text(JsonElement value, string name, string source) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Object or JsonValueKind.Array => throw new LdaeException(
            ErrorKind.Configuration,
            $"'{name}' of {source} is {Describe(value)}, not a value.",
            "Give it a number, a string, true, false or null."),
        _ => value.GetRawText(),
    };

    private static string Describe(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => element.GetRawText(),
    };
}

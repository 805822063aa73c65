using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Journey;

/// <summary>Which steps of the journey someone asks for, as text: "1,4-7" or "2,patch-pca,l-dae".</summary>
public static class StepList
{
    /// <summary>What a list may hold, in words.</summary>
    public const string Allowed = "numbers, ranges such as 4-7 and names of steps, separated by commas";

    /// <summary>Reads a list.</summary>
    /// <param name="text">Numbers of systems (each stands for all of its steps), ranges of them, names of single steps.</param>
    /// <returns>The steps, each once, in the journey's order.</returns>
    /// <exception cref="LdaeException">Configuration: an empty part, no such number or name, a range that runs backwards.</exception>
    public static IReadOnlyList<JourneyStep> Parse(string text)
    {
        var asked = new HashSet<string>(StringComparer.Ordinal);
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            asked.UnionWith(Part(text, part));
        }

        return [.. JourneySteps.All.Where(step => asked.Contains(step.Name))];
    }

    private static IEnumerable<string> Part(string text, string part)
    {
        var ends = part.Split('-', StringSplitOptions.TrimEntries);
        if (ends.All(end => end.Length > 0 && end.All(char.IsAsciiDigit)) && ends.Length <= 2)
        {
            var (first, last) = (Number(text, ends[0]), Number(text, ends[^1]));
            return first <= last
                ? JourneySteps.All.Where(step => step.Number >= first && step.Number <= last).Select(step => step.Name)
                : throw Refused(text, $"{part} runs backwards", $"Write {last}-{first}.");
        }

        var names = JourneySteps.All.Select(step => step.Name).ToArray();
        return names.Contains(part)
            ? [part]
            : throw Refused(
                text,
                part.Length == 0 ? "a part of it is empty" : $"there is no step '{part}'",
                part.Length > 0 && char.IsAsciiLetter(part[0]) ? $"Did you mean '{NearestName.Of(part, names)}'?" : $"It takes {Allowed}: --steps 1,4-7.");
    }

    private static int Number(string text, string digits)
    {
        var last = JourneySteps.All[^1].Number;
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= last
            ? number
            : throw Refused(text, $"there is no step {digits}", $"The steps are 1 to {last}: --steps 1,4-7.");
    }

    private static LdaeException Refused(string text, string why, string remedy) =>
        new(ErrorKind.Configuration, $"--steps {text} is not allowed: {why}.", remedy);
}

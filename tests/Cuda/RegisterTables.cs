using System.Globalization;
using System.Text;

namespace LDaeCore.Tests.Cuda;

/// <summary>The tables of registers that the pages of docs/kernels show, made from the budget.</summary>
internal static class RegisterTables
{
    private const string Type = "LDAE_BF16", Aligned = "LDAE_ALIGNED";
    private static readonly string[] Architectures = ["sm_80", "sm_90a"];

    /// <summary>A family's table: a line a kernel and specialisation (of rows that are aligned, where that is a choice), types and architectures across.</summary>
    public static string Of(KernelBudget budget, string family)
    {
        var cells = Cells(budget, family).ToList();
        var types = cells.Select(cell => cell.Type).Distinct().Order(StringComparer.Ordinal).ToList();

        // Types that are specialised in different ways get a table each: no empty places.
        var together = types.All(type => cells.Count(cell => cell.Type == type) == cells.Count / types.Count
            && cells.Where(cell => cell.Type == type)
                .All(cell => types.All(t => cells.Any(other => other with { Registers = 0, Type = "" } == cell with { Registers = 0, Type = "" } && other.Type == t))));
        return together ? Table(cells, types) : string.Join('\n', types.Select(type => Table(cells.Where(cell => cell.Type == type).ToList(), [type])));
    }

    private static IEnumerable<Cell> Cells(KernelBudget budget, string family)
    {
        foreach (var specialisation in budget.Specialisations)
        {
            var words = specialisation.Split(' ');
            if (words[0] != family || words.Contains($"{Aligned}=0"))
            {
                continue;
            }

            var type = words.Contains($"{Type}=1") ? "bf16" : "float";
            var constants = string.Join(
                ' ', words[1..^1].Where(word => !word.StartsWith(Type + "=", StringComparison.Ordinal) && !word.StartsWith(Aligned, StringComparison.Ordinal)));
            foreach (var kernel in budget.Kernels(specialisation))
            {
                yield return new Cell(kernel, constants, type, words[^1], budget.Find(specialisation, kernel)!.Registers);
            }
        }
    }

    private static string Table(List<Cell> cells, List<string> types)
    {
        var specialised = cells.Exists(cell => cell.Constants.Length > 0);
        var columns = types.SelectMany(type => Architectures.Select(architecture => (Type: type, Architecture: architecture))).ToList();
        var text = new StringBuilder();
        Line(["kernel", .. specialised ? ["specialised by"] : Array.Empty<string>(), .. columns.Select(c => $"{c.Type}, {c.Architecture}")]);
        Line(Enumerable.Repeat("---", columns.Count + (specialised ? 2 : 1)));
        var kernels = cells.GroupBy(cell => (cell.Kernel, cell.Constants));
        foreach (var line in kernels.OrderBy(line => line.Key.Kernel, StringComparer.Ordinal).ThenBy(line => Sizes(line.Key.Constants), StringComparer.Ordinal))
        {
            Line([
                $"`{line.Key.Kernel}`",
                .. specialised ? [line.Key.Constants] : Array.Empty<string>(),
                .. columns.Select(c => line.Single(cell => (cell.Type, cell.Architecture) == c).Registers.ToString(CultureInfo.InvariantCulture))]);
        }

        return text.ToString();

        void Line(IEnumerable<string> words) => text.Append("| ").AppendJoin(" | ", words).Append(" |\n");
    }

    /// <summary>Numbers in a row of digits of equal length, so that 80 comes before 112.</summary>
    private static string Sizes(string constants) =>
        string.Concat(
            constants.Split(' ', '=')
                .Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number.ToString("D6", CultureInfo.InvariantCulture) : ""));

    private sealed record Cell(string Kernel, string Constants, string Type, string Architecture, int Registers);
}

using System.Globalization;
using System.Text.RegularExpressions;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Interop;
using LDaeCore.Tests.House;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// The pages of docs/kernels: in the index, complete, and with the numbers that the compiler gate holds. LDAE_WRITE_PAGES=1 writes the
/// tables of registers anew.
/// </summary>
public sealed partial class KernelPageTests
{
    private const string Folder = "docs/kernels/", Index = Folder + "README.md", WriteVariable = "LDAE_WRITE_PAGES";
    private const int SharedLimit = 163 * 1024;

    // What a page says of itself until its kernels were timed.
    private const string Unmeasured = "No version has run on a GPU yet";
    private static readonly string[] Parts = ["## The maths", "## Who reads what", "## What it costs", "## The ladder", "## As compiled", "## In the debugger"];

    private static IEnumerable<string> Pages => RepositoryFiles.Below(["docs/kernels"], ".md").Where(page => page != Index);

    [TestCaseSource(nameof(Pages))]
    public void Registers_are_those_of_the_budget(string page)
    {
        var budget = KernelBudget.Read();
        var text = RepositoryFiles.Read(page);
        var current = RegisterTable().Replace(text, match => $"{match.Groups["head"].Value}{RegisterTables.Of(budget, match.Groups["family"].Value)}{match.Groups["foot"].Value}");
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
        {
            File.WriteAllText(Path.Combine(RepositoryFiles.Root, page), current);
        }

        Assert.That(RegisterTable().Matches(text), Is.Not.Empty, "no table of registers");
        Assert.That(text, Is.EqualTo(current), $"run again with {WriteVariable}=1 and review the difference");
    }

    [Test]
    public void Every_family_has_its_registers_on_one_page() => Assert.That(
        Pages.SelectMany(page => RegisterTable().Matches(RepositoryFiles.Read(page))).Select(match => match.Groups["family"].Value),
        Is.EquivalentTo(KernelSources.Families));

    [TestCaseSource(nameof(Pages))]
    public void A_page_has_all_its_parts_in_order(string page)
    {
        var text = RepositoryFiles.Read(page);
        var places = Parts.Select(part => text.IndexOf("\n" + part, StringComparison.Ordinal)).ToArray();
        Assert.That(places, Has.All.Positive, string.Join(", ", Parts));
        Assert.That(places, Is.Ordered);
        Assert.That(text, Does.Contain(Unmeasured));
        var stepped = Stepped().Matches(text).Select(match => match.Groups["kernel"].Value).ToList();
        Assert.That(stepped, Is.Not.Empty.And.SubsetOf(KernelSources.Families.SelectMany(family => KernelSources.Entries(KernelSources.Family(family)))));
    }

    [Test]
    public void The_index_leads_from_fill_to_attention_and_leaves_no_page_out()
    {
        var listed = Listed().Matches(RepositoryFiles.Read(Index)).Select(match => Folder + match.Groups["page"].Value).ToList();
        Assert.That(listed, Is.EquivalentTo(Pages));
        Assert.That(listed[0], Is.EqualTo(Folder + "elementwise.md"));
        Assert.That(listed[^1], Is.EqualTo(Folder + "attention.md"));
    }

    /// <summary>Shared memory of attention's blocks at their largest, in KB, by head size.</summary>
    [TestCase(32)]
    [TestCase(64)]
    [TestCase(80)]
    [TestCase(128)]
    public void Shared_memory_of_attention_is_that_of_its_tiling(int size)
    {
        var tilings = Enumerable.Range(1, 1024).Select(tokens => new AttentionTiling(size, tokens, SharedLimit)).ToList();
        int[] bytes =
        [
            tilings.Max(t => t.Forward.SharedBytes), tilings.Where(t => t.Resident).Max(t => t.BackwardKeys.SharedBytes),
            tilings.Where(t => !t.Resident).Max(t => t.BackwardKeys.SharedBytes), tilings.Where(t => !t.Resident).Max(t => t.BackwardQueries.SharedBytes),
        ];
        var line = $"| {size} | {string.Join(" | ", bytes.Select(b => string.Create(CultureInfo.InvariantCulture, $"{b / 1024.0:0.#} KB")))} |";
        Assert.That(RepositoryFiles.Read(Folder + "attention.md"), Does.Contain(line));
    }

    [GeneratedRegex(@"(?<head><!-- registers (?<family>\w+) -->\n\n)(?<table>.*?)(?<foot>\n<!-- end -->)", RegexOptions.Singleline)]
    private static partial Regex RegisterTable();

    [GeneratedRegex(@"tools/debug-kernel\.sh (?<kernel>[a-z_]+)")]
    private static partial Regex Stepped();

    [GeneratedRegex(@"^\| \[[^]]+\]\((?<page>[a-z-]+\.md)\) \|", RegexOptions.Multiline)]
    private static partial Regex Listed();
}

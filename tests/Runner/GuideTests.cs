using System.Text.RegularExpressions;
using LDaeCore.Tests.House;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>The guide says what is so: its commands run, the lines of code it quotes are in their files, its links and pictures lead somewhere.</summary>
internal sealed partial class GuideTests
{
    private const string Folder = "docs/guide/", Index = Folder + "README.md", Runs = "runs/";

    private static IEnumerable<string> Pages => RepositoryFiles.Below(["docs/guide"], ".md");

    private static IEnumerable<string> Chapters => Pages.Where(page => page != Index);

    [Test]
    public void Every_command_runs_in_the_order_of_the_chapters()
    {
        using var folder = new TemporaryFolder();
        var commands = Chapters.Prepend(Index).SelectMany(page => Command().Matches(RepositoryFiles.Read(page)).Select(match => match.Groups["arguments"].Value.Trim())).ToArray();
        Assert.That(commands, Has.Length.GreaterThan(6));
        foreach (var command in commands)
        {
            var run = CommandLine.Run(
                [.. command.Split(' ').Select(word => word.StartsWith(Runs, StringComparison.Ordinal) ? Path.Combine(folder.Path, word[Runs.Length..]) : word)]);
            Assert.That(run.ExitCode, Is.Zero, $"ldae {command}\n{run.Human}");
        }
    }

    [TestCaseSource(nameof(Chapters))]
    public void Quoted_code_is_in_its_file_word_for_word(string page)
    {
        var quotations = Quotation().Matches(RepositoryFiles.Read(page));
        Assert.That(quotations, Is.Not.Empty);
        foreach (Match quotation in quotations)
        {
            var path = quotation.Groups["path"].Value;
            Assert.That(quotation.Groups["link"].Value, Is.EqualTo("../../" + path));
            Assert.That(Plain(RepositoryFiles.Read(path)), Does.Contain(Plain(quotation.Groups["code"].Value)), path);
        }
    }

    [TestCaseSource(nameof(Pages))]
    public void Links_and_pictures_lead_somewhere(string page)
    {
        var text = RepositoryFiles.Read(page);
        foreach (Match link in Link().Matches(text))
        {
            Assert.That(Path.Exists(Path.Combine(RepositoryFiles.Root, Folder, link.Groups["to"].Value)), Is.True, link.Value);
        }

        Assert.That(text.Split("```csharp"), Has.Length.EqualTo(Quotation().Count(text) + 1), "each quotation names its file in the line before");
    }

    [Test]
    public void The_index_lists_every_chapter_in_order() => Assert.That(
        Link().Matches(RepositoryFiles.Read(Index)).Select(match => Folder + match.Groups["to"].Value).Where(to => to.EndsWith(".md", StringComparison.Ordinal)),
        Is.EqualTo(Chapters));

    /// <summary>Lines without their indentation, which a quotation does not share, nor the blank ones.</summary>
    private static string Plain(string code) =>
        string.Join('\n', code.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)) + "\n";

    [GeneratedRegex(@"^ldae (?<arguments>.+)$", RegexOptions.Multiline)]
    private static partial Regex Command();

    [GeneratedRegex(@"^\[(?<path>[\w./]+)\]\((?<link>[\w./]+)\)\n```csharp\n(?<code>.*?)```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Quotation();

    [GeneratedRegex(@"\]\((?<to>[^)#]+)\)")]
    private static partial Regex Link();
}

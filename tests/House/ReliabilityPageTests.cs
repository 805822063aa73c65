using System.Reflection;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace LDaeCore.Tests.House;

/// <summary>The page of promises names tests that exist, and logs that do.</summary>
public sealed partial class ReliabilityPageTests
{
    private const string Page = "docs/reliability.md";

    [Test]
    public void Every_promise_names_tests_that_exist()
    {
        var tests = typeof(ReliabilityPageTests).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
                .Where(method => method.GetCustomAttributes().Any(a => a is TestAttribute or TestCaseAttribute or TestCaseSourceAttribute))
                .Select(method => $"{type.Name}.{method.Name}"))
            .ToHashSet(StringComparer.Ordinal);
        var rows = RepositoryFiles.Read(Page)
            .Split('\n')
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| promise", StringComparison.Ordinal))
            .ToArray();
        Assert.That(rows, Has.Length.GreaterThan(15));
        foreach (var row in rows)
        {
            var named = Named().Matches(row).Select(match => match.Groups[1].Value).ToArray();
            Assert.That(named, Is.Not.Empty, $"no test: {row}");
            Assert.That(named, Is.SubsetOf(tests), row);
        }
    }

    [Test]
    public void Every_link_leads_somewhere()
    {
        foreach (Match link in Link().Matches(RepositoryFiles.Read(Page)))
        {
            var path = Path.GetRelativePath(".", Path.Combine("docs", link.Groups[1].Value)).Replace('\\', '/');
            Assert.That(RepositoryFiles.Exists(path), Is.True, path);
        }
    }

    [GeneratedRegex(@"`([A-Z]\w+Tests\.\w+)`")]
    private static partial Regex Named();

    [GeneratedRegex(@"\]\(([^)#]+)\)")]
    private static partial Regex Link();
}

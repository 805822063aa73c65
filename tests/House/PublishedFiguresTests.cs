using NUnit.Framework;

namespace LDaeCore.Tests.House;

/// <summary>No published number without its log: the rule on sample pages, then on the README.</summary>
public sealed class PublishedFiguresTests
{
    private const string Log = """{"top1": 36.5, "images_per_second": 1234, "seconds": 98.25, "note": "x=7.125"}""";

    private static string Results(string text) => $"# Title\n\n<!-- results -->\n{text}\n<!-- /results -->\n";

    private static List<string> Unbacked(string page) =>
        [.. PublishedFigures.Unbacked(page, path => path == "docs/results/demo.json" ? Log : null)];

    [TestCase("| run | top-1 |\n|---|---|\n| [demo](docs/results/demo.json) | 36.5 % |")]
    [TestCase("It took 98.25 s at 1,234 img/s\n([log](docs/results/demo.json#L1)).")]
    [TestCase("- 36.5% in [the log](docs/results/demo.json)\n- nothing measured")]
    [TestCase("| [**36.5**](docs/results/demo.json) | **1234** |")]
    public void A_figure_in_its_linked_log_is_fine(string text) => Assert.That(Unbacked(Results(text)), Is.Empty);

    [TestCase("| demo | 36.5 % |")]
    [TestCase("We reach 36.5 %.\n\n[The log](docs/results/demo.json) is elsewhere.")]
    [TestCase("| 36.5 % | [log](docs/demo.json) |")]
    [TestCase("| 36.5 % | [log](docs/results/../demo.json) |")]
    [TestCase("- [log](docs/results/demo.json)\n- 36.5 %")]
    [TestCase("| demo | 36.5 |")]
    [TestCase("```\ntop-1 36.5 %\n```")]
    public void A_figure_without_a_link_beside_it_is_found(string text) =>
        Assert.That(Unbacked(Results(text)), Has.Count.EqualTo(1).And.One.Contain("has no link"));

    [TestCase("36.4 %")]
    [TestCase("36 %")]
    [TestCase("6.5 %")]
    [TestCase("36.50 %")]
    [TestCase("123 img/s")]
    [TestCase("125 dB")]
    [TestCase("98 minutes")]
    [TestCase("36.5 ± 0.3 %")]
    [TestCase("1.25x")]
    public void A_figure_that_the_log_does_not_hold_is_found(string figure) =>
        Assert.That(Unbacked(Results($"| {figure} | [log](docs/results/demo.json) |")), Has.Count.EqualTo(1).And.One.Contain("is not in"));

    [Test]
    public void A_missing_log_is_found() =>
        Assert.That(Unbacked(Results("[gone](docs/results/gone.json)")), Is.EqualTo(new[] { "docs/results/gone.json is linked and missing" }));

    [TestCase("Trains in 2 minutes.")]
    [TestCase("| GEMM | 85 GFLOP/s |")]
    [TestCase("# 27.1 dB")]
    [TestCase("Needs 300 MB, see [log](docs/results/demo.json).")]
    [TestCase("Twice: 2× as fast")]
    public void A_figure_outside_the_markers_is_found(string text) =>
        Assert.That(Unbacked(text), Has.Count.EqualTo(1).And.One.Contain("stands outside"));

    [TestCase("```\ndone in 2 s\n```")]
    [TestCase("<!-- about 2 s,\n 36.5 % -->")]
    [TestCase(".NET 10, width 192, 6 + 6 blocks, x86-64-v3, 32x32 pixels, step 3 sets it, [0..1]")]
    [TestCase("| a | 36 |")]
    public void Code_comments_and_plain_numbers_are_no_figures(string text) => Assert.That(Unbacked(text), Is.Empty);

    [TestCase("<!-- results -->\n")]
    [TestCase("<!-- /results -->\n")]
    [TestCase("<!-- results -->\n<!-- results -->\n<!-- /results -->\n")]
    public void Markers_that_do_not_pair_are_found(string text) => Assert.That(Unbacked(text), Has.One.Contain("do not pair"));

    [Test]
    public void Every_figure_of_the_readme_is_in_its_log()
    {
        var unbacked = PublishedFigures.Unbacked(
            RepositoryFiles.Read("README.md"), path => RepositoryFiles.Exists(path) ? RepositoryFiles.Read(path) : null).ToList();
        Assert.That(unbacked, Is.Empty, string.Join(Environment.NewLine, unbacked));
    }
}

using LDaeCore.Bench;
using LDaeCore.Engine.Errors;
using NUnit.Framework;

namespace LDaeCore.Tests.Bench;

/// <summary>What counts as slower, on reports made by hand.</summary>
public sealed class ComparisonTests
{
    private static readonly ResultRow Row = new() { Name = "linear 8x8x8", Pass = "forward", MedianS = 1, LowS = 0.99, HighS = 1.01 };

    [Test]
    public void A_report_has_not_slowed_down_against_itself() => Assert.That(Comparison.Regressions(Report(Row), Report(Row)), Is.Empty);

    [TestCase(1.2, 0.01, true)]
    [TestCase(1.2, 0.2, false, Description = "within the scatter")]
    [TestCase(1.02, 0, false, Description = "below what is reported")]
    [TestCase(0.5, 0, false, Description = "faster")]
    public void Growth_beyond_both_scatters_is_reported(double median, double scatter, bool expected)
    {
        var after = Row with { MedianS = median, LowS = median - (scatter / 2), HighS = median + (scatter / 2) };
        Assert.That(Comparison.Regressions(Report(Row), Report(after)).Any(line => line.StartsWith("linear 8x8x8 forward", StringComparison.Ordinal)), Is.EqualTo(expected));
    }

    [Test]
    public void Rows_of_one_report_only_are_named()
    {
        var other = Row with { Pass = "backward" };
        Assert.That(Comparison.Unmatched(Report(Row, other), Report(Row)), Is.EqualTo(new[] { "linear 8x8x8 backward" }));
    }

    [Test]
    public void A_limit_that_fell_is_the_machine_and_no_regression()
    {
        var limit = Row with { Name = "copy", Pass = "limit" };
        Assert.That(Comparison.Regressions(Report(limit), Report(limit with { MedianS = 3, LowS = 3, HighS = 3 })), Is.Empty);
    }

    [Test]
    public void A_rival_stands_beside_its_row_by_speed()
    {
        var step = Row with { Name = "step toy", Pass = "step", Parameters = 10, ImagesPerSecond = 20 };
        var rival = Report(step with { MedianS = 7, ImagesPerSecond = 10 }) with { Program = "other" };
        var merged = Report(Row, step).Beside(rival).Rows;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(merged[0].Ratio, Is.Null);
            Assert.That(merged[1].Ratio, Is.EqualTo(2).Within(1e-12), "images a second count, as batches may differ");
            Assert.That(Table.Markdown(Report(Row, step).Beside(rival)), Does.Contain("2.00").And.Contain("rival: other"));
        }
    }

    [Test]
    public void A_rival_that_trains_another_network_is_refused()
    {
        var step = Row with { Parameters = 10 };
        var error = Assert.Throws<LdaeException>(() => Report(step).Beside(Report(step with { Parameters = 11 })));
        Assert.That(error.Message, Does.Contain("10").And.Contain("11"));
    }

    [Test]
    public void The_binding_limit_is_the_one_that_takes_longest()
    {
        var limits = new Limits(BytesPerSecond: 10, FlopsPerSecond: 100);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(limits.Judge(Row with { MedianS = 4, Flops = 200, Bytes = 10 }), Has.Property("Share").EqualTo(0.5).And.Property("Limit").EqualTo("compute"));
            Assert.That(limits.Judge(Row with { MedianS = 4, Flops = 100, Bytes = 30 }), Has.Property("Share").EqualTo(0.75).And.Property("Limit").EqualTo("memory"));
            Assert.That(limits.Judge(Row).Share, Is.Null);
        }
    }

    private static RunReport Report(params ResultRow[] rows) => new() { Program = "LDaeCore", Device = "none", Rows = rows };
}

using System.Globalization;
using System.Xml.Linq;
using LDaeCore.Runner.Reporting;
using NUnit.Framework;

namespace LDaeCore.Tests.Runner;

/// <summary>Charts are well-formed, in words that can be read, with points where their numbers are.</summary>
internal sealed class SvgChartTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [TestCase(0, 1, new[] { 0, 0.2, 0.4, 0.6, 0.8, 1 })]
    [TestCase(17, 61, new[] { 20.0, 30, 40, 50, 60 })]
    [TestCase(-0.1, 0.1, new[] { -0.1, -0.05, 0, 0.05, 0.1 })]
    public void Ticks_are_round_numbers_inside_the_range(double low, double high, double[] ticks) =>
        Assert.That(SvgChart.Ticks(low, high), Is.EqualTo(ticks).Within(1e-12));

    [Test]
    public void Names_values_and_legend_are_words()
    {
        var chart = Draw(new SvgChart { Title = "a < b", YLabel = "linear probe, %", Places = ["dit", "patch-pca"] }, Line("ours", 10, 40), Line("paper", 50, 20));
        Assert.That(Words(chart), Is.SupersetOf(new[] { "a < b", "linear probe, %", "dit", "patch-pca", "ours", "paper", "10", "20", "30", "40", "50" }));
    }

    [Test]
    public void Higher_values_are_higher_and_equal_steps_equally_far_apart()
    {
        var marks = Draw(new SvgChart { Title = "t", Places = ["a", "b", "c"] }, Line("ours", 10, 20, 30)).Descendants(Svg + "circle").ToArray();
        var (x, y) = (marks.Select(mark => (double)mark.Attribute("cx")!).ToArray(), marks.Select(mark => (double)mark.Attribute("cy")!).ToArray());
        Assert.That(x[1] - x[0], Is.EqualTo(x[2] - x[1]).Within(0.11).And.Positive);
        Assert.That(y[0] - y[1], Is.EqualTo(y[1] - y[2]).Within(0.11).And.Positive);
    }

    [Test]
    public void On_a_logarithmic_axis_factors_are_equally_far_apart_and_what_has_no_logarithm_is_left_out()
    {
        var marks = Draw(new SvgChart { Title = "t", Logarithmic = true }, Line("loss", 1, 0.1, 0.01, 0, double.NaN, double.PositiveInfinity)).Descendants(Svg + "circle")
            .ToArray();
        Assert.That(marks, Has.Length.EqualTo(3));
        var y = marks.Select(mark => (double)mark.Attribute("cy")!).ToArray();
        Assert.That(y[1] - y[0], Is.EqualTo(y[2] - y[1]).Within(0.11).And.Positive);
    }

    [TestCase(new double[0])]
    [TestCase(new[] { 5.0 })]
    [TestCase(new[] { 5.0, 5.0 })]
    [TestCase(new[] { double.NaN })]
    public void Few_points_or_none_make_a_chart_of_finite_numbers(double[] values)
    {
        var text = new SvgChart { Title = "t" }.Draw([Line("ours", values)]);
        Assert.That(text, Does.Not.Contain("NaN").And.Not.Contain("Infinity").And.Not.Contain("∞"));
        Assert.That(XDocument.Parse(text).Descendants(Svg + "circle").Count(), Is.EqualTo(values.Count(double.IsFinite)));
    }

    [Test]
    public void A_spread_is_a_bar_of_its_length_around_the_value()
    {
        var chart = Draw(new SvgChart { Title = "t", Places = ["a", "b"] }, new ChartSeries("ours", [(0, 10, 10), (1, 20, 0)]) { Marked = true });
        var y = chart.Descendants(Svg + "circle").Select(mark => (double)mark.Attribute("cy")!).ToArray();
        var bar = chart.Descendants(Svg + "path").Single(path => (string?)path.Attribute("stroke-width") == "1");
        var ends = ((string)bar.Attribute("d")!).Split('L').Select(end => double.Parse(end.Split(' ')[1], CultureInfo.InvariantCulture)).ToArray();
        Assert.That(Math.Abs(ends[1] - ends[0]), Is.EqualTo(y[0] - y[1]).Within(0.3), "10 points, as between the two values");
    }

    private static ChartSeries Line(string name, params double[] values) => new(name, [.. values.Select((value, x) => ((double)x, value, 0.0))]) { Marked = true };

    private static XDocument Draw(SvgChart chart, params ChartSeries[] lines) => XDocument.Parse(chart.Draw(lines));

    private static IEnumerable<string> Words(XDocument chart) => chart.Descendants(Svg + "text").Select(text => text.Value);
}

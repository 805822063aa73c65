using LDaeCore.Model.Journey;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Journey;

/// <summary>Correlations of ranks that are known by hand.</summary>
internal sealed class RankAgreementTests
{
    [TestCase(new[] { 1.0, 2, 3, 4 }, new[] { 10.0, 20, 30, 40 }, 1.0)]
    [TestCase(new[] { 1.0, 2, 3, 4 }, new[] { 4.0, 3, 2, 1 }, -1.0)]
    [TestCase(new[] { 1.0, 2, 3, 4, 5 }, new[] { 2.0, 1, 4, 3, 5 }, 0.8, Description = "1 - 6 * 4 / (5 * 24)")]
    [TestCase(new[] { 1.0, 2, 2, 4 }, new[] { 1.0, 2, 3, 4 }, 0.94868329805, Description = "ranks 1 2.5 2.5 4 against 1 2 3 4: 4.5 / sqrt(4.5 * 5)")]
    [TestCase(new[] { 3.0, 3, 3 }, new[] { 1.0, 2, 3 }, null)]
    public void Spearman_is_the_correlation_of_ranks(double[] a, double[] b, double? expected)
    {
        var found = RankAgreement.Spearman(a, b);
        Assert.That(found, expected is { } value ? Is.EqualTo(value).Within(1e-10) : Is.Null);
        Assert.That(RankAgreement.Spearman(b, a), Is.EqualTo(found));
    }

    [Test]
    public void The_interval_is_a_point_where_seeds_agree_and_wide_where_they_do_not()
    {
        var sure = RankAgreement.Of([(new([50, 50.2]), 60), (new([55, 55.3]), 62), (new([40, 41]), 23)])!;
        Assert.That((sure.Correlation, sure.Interval, sure.Systems), Is.EqualTo((1.0, ((double, double)?)(1.0, 1.0), 3)));

        // The first two change places in a quarter of the draws: 45 45 | 55 55 against 48.
        var unsure = RankAgreement.Of([(new([45, 55]), 60), (new([48, 48]), 58), (new([10, 10]), 23)])!;
        Assert.That(unsure.Correlation, Is.EqualTo(1));
        Assert.That(unsure.Interval, Is.EqualTo((0.5, 1.0)), "1 - 6 * 2 / (3 * 8) where they change places");
    }

    [Test]
    public void One_seed_has_no_interval_and_two_systems_no_agreement()
    {
        Assert.That(RankAgreement.Of([(new([50]), 60), (new([55]), 62), (new([40]), 23)]), Is.EqualTo(new RankAgreement(1, null, 3)));
        Assert.That(RankAgreement.Of([(new([50, 51]), 60), (new([55, 56]), 62)]), Is.Null);
    }
}

using LDaeCore.Model.Journey;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Journey;

/// <summary>Verdicts on numbers made up so that each is known.</summary>
internal sealed class ShapeClaimsTests
{
    private const string Optimum = "d has an optimum well below D", Pixels = "pixel noise loses clearly to latent noise", Levels = "several levels beat one",
        Near = "l-DAE is close to the DiT on PCA latents", Kinds = "the kind of tokenizer matters less than d";

    private static readonly JourneyPreset Preset = JourneyPresets.Get("cifar");
    private static readonly string[] DimRuns =
        ["patch-pca+tokenizer.dim=2", "patch-pca+tokenizer.dim=4", "patch-pca", "patch-pca+tokenizer.dim=16", "patch-pca+tokenizer.dim=32", "patch-pca+tokenizer.dim=48"];

    [Test]
    public void Nothing_is_judged_that_was_not_measured()
    {
        var claims = Judge([]);
        Assert.That(claims.Select(claim => claim.Name), Is.EqualTo(new[] { Optimum, Pixels, Levels, Near, Kinds }));
        Assert.That(claims.Select(claim => claim.Holds), Is.All.Null);
        Assert.That(claims.Select(claim => claim.Why), Is.All.StartsWith("not measured: "));
        Assert.That(Holds(Levels, ("l-dae", [60])), Is.Null);
    }

    [TestCase(new[] { 60.0 }, new[] { 59.9 }, true)]
    [TestCase(new[] { 60.0 }, new[] { 60.0 }, false)]
    [TestCase(new[] { 60.0, 62.0 }, new[] { 57.0, 58.0 }, true, Description = "61 - 57.5 = 3.5 exceeds 2 + 1")]
    [TestCase(new[] { 60.0, 62.0 }, new[] { 57.5, 58.5 }, false, Description = "61 - 58 = 3 does not exceed 2 + 1")]
    [TestCase(new[] { 57.0 }, new[] { 60.0 }, false)]
    public void One_is_better_by_more_than_both_spreads(double[] several, double[] one, bool holds)
    {
        Assert.That(Holds(Levels, ("l-dae", several), ("single-level", one)), Is.EqualTo(holds));
        Assert.That(Holds(Pixels, ("l-dae", several), ("classical-dae", one)), Is.EqualTo(holds));
    }

    [Test]
    public void One_seed_holds_nothing()
    {
        var claims = ShapeClaims.Judge(Preset, entry => new SeedAccuracies([entry.Run == "l-dae" ? 60 : 30]));
        Assert.That(claims.Select(claim => claim.Verdict), Is.All.EqualTo("not measured"));
        Assert.That(claims.Select(claim => claim.Why), Is.All.EndsWith("it takes a second seed"));
    }

    [TestCase(60, 62, true)]
    [TestCase(62, 60, true)]
    [TestCase(60, 62.5, false)]
    [TestCase(62.5, 60, false)]
    public void Close_is_within_two_points_either_way(double a, double b, bool holds) =>
        Assert.That(Holds(Near, ("l-dae", [a]), ("patch-pca", [b])), Is.EqualTo(holds));

    [TestCase(new[] { 50.0, 55, 60, 58, 54, 50 }, true)]
    [TestCase(new[] { 60.0, 55, 50, 48, 47, 46 }, true)]
    [TestCase(new[] { 50.0, 52, 54, 56, 58, 60 }, false, Description = "best at D itself")]
    [TestCase(new[] { 50.0, 52, 54, 56, 60, 58 }, false, Description = "32 of 48 is not well below")]
    [TestCase(new[] { 50.0, 55, 60, 58, 54, 60 }, false, Description = "no better than D")]
    public void An_optimum_is_at_half_of_d_at_most_and_beats_the_largest(double[] top1, bool holds)
    {
        Assert.That(Holds(Optimum, [.. DimRuns.Zip(top1, (run, value) => (run, new[] { value }))]), Is.EqualTo(holds));
        Assert.That(Holds(Optimum, [.. DimRuns.Zip(top1, (run, value) => (run, new[] { value })).Take(5)]), Is.Null, "without the largest d");
    }

    [Test]
    public void An_optimum_within_the_spreads_of_the_largest_is_none() =>
        Assert.That(Holds(Optimum, [.. DimRuns.Select(run => (run, run == "patch-pca" ? new[] { 58.0, 62 } : [55.0, 57]))]), Is.False, "60 - 56 does not exceed 4 + 2");

    [Test]
    public void The_kind_matters_less_when_tokenizers_differ_less_at_one_d_than_ds_of_one()
    {
        (string, double[])[] flat = [("patch-vae", [60]), ("patch-vae+tokenizer.dim=16", [50]), ("patch-ae", [59]), ("patch-ae+tokenizer.dim=16", [52])];
        Assert.That(Holds(Kinds, flat), Is.True, "ranges over d 10 and 7, over kinds 1 and 2");
        (string, double[])[] steep = [("patch-vae", [60]), ("patch-vae+tokenizer.dim=16", [58]), ("patch-ae", [50]), ("patch-ae+tokenizer.dim=16", [47])];
        Assert.That(Holds(Kinds, steep), Is.False, "ranges over d 2 and 3, over kinds 10 and 11");
        (string, double[])[] unsure = [("patch-vae", [60, 60]), ("patch-vae+tokenizer.dim=16", [50, 58]), ("patch-ae", [59, 59])];
        Assert.That(Holds(Kinds, unsure), Is.False, "6 with a spread of 8 over d, 1 over kinds");
        Assert.That(Holds(Kinds, flat[..2]), Is.Null, "one kind only");
    }

    [Test]
    public void The_papers_own_table_2_says_so()
    {
        var preset = JourneyPresets.Get("paper");
        var cells = JourneySweeps.Get("tokenizer-d", preset).Points.ToLookup(point => point.Entry, point => point.PaperTop1);
        var claims = ShapeClaims.Judge(preset, entry => cells[entry].FirstOrDefault() is { } top1 ? new SeedAccuracies([top1, top1]) : null);
        Assert.That(claims.Where(claim => claim.Name is Optimum or Kinds).Select(claim => claim.Holds), Is.EqualTo(new bool?[] { true, true }));
    }

    [TestCase(new[] { 1.0, 0.5 }, 50)]
    [TestCase(new[] { 2.0, 2, 2, 2, 3 }, -50)]
    [TestCase(new[] { 1.0 }, null)]
    [TestCase(new double[0], null)]
    public void A_loss_falls_by_a_share_of_its_start(double[] losses, double? percent) => Assert.That(LossFall.Percent(losses), Is.EqualTo(percent));

    [Test]
    public void The_ends_of_a_long_log_are_means() => Assert.That(
        LossFall.Percent([.. Enumerable.Repeat(3.0, 1), .. Enumerable.Repeat(1.0, 1), .. Enumerable.Repeat(9.0, 30), .. Enumerable.Repeat(0.5, 4), .. Enumerable.Repeat(1.5, 4)]),
        Is.EqualTo(50).Within(1e-9));

    private static bool? Holds(string claim, params (string Run, double[] Top1)[] found) => Judge(found).Single(c => c.Name == claim).Holds;

    private static IReadOnlyList<ShapeClaim> Judge((string Run, double[] Top1)[] found)
    {
        // A single number stands for seeds that agree.
        var byRun = found.ToDictionary(f => f.Run, f => new SeedAccuracies(f.Top1.Length == 1 ? [f.Top1[0], f.Top1[0]] : f.Top1));
        return ShapeClaims.Judge(Preset, entry => byRun.GetValueOrDefault(entry.Run));
    }
}

using LDaeCore.Tests.Model.Training;
using NUnit.Framework;
using SkiaSharp;

namespace LDaeCore.Tests.Runner.Browsing;

/// <summary>The report of a real, tiny run in a real browser: everything is drawn, nothing overflows or complains, light and dark are both legible.</summary>
internal sealed class ReportPageTests : FolderPerFixture
{
    private const int Phone = 360, Desk = 1280;

    private Browser? _browser;

    private string Report => Path.Combine(Folder.Path, "run", "report.html");

    [OneTimeSetUp]
    public void TrainAndProbe()
    {
        _browser = Browser.Start();
        var run = Folder["run"];
        Done(["pretrain", "--preset", "demo", "--data", "synthetic:120", "--device", "cpu", "--threads", "2", "--out", run, .. Toy.Settings.SelectMany(s => new[] { "--set", s })]);
        Done(["probe", "--checkpoint", run, "--data", "synthetic:120", "--device", "cpu", "--out", Folder["probe"]]);
    }

    [OneTimeTearDown]
    public void Close()
    {
        _browser?.Dispose();
    }

    [TestCase(Phone, false)]
    [TestCase(Phone, true)]
    [TestCase(Desk, false)]
    [TestCase(Desk, true)]
    public void Everything_is_drawn_and_nothing_overflows_or_complains(int width, bool dark)
    {
        var complaints = _browser!.Open("file://" + Report, width, dark);
        var (faults, texts, figures, charts, images) = PageLayout.Of(_browser);
        Keep($"report-{width}-{(dark ? "dark" : "light")}.png", _browser.Screenshot());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(complaints, Is.Empty, string.Join('\n', complaints));
            Assert.That(faults, Is.Empty, string.Join('\n', faults));
            Assert.That(texts, Is.GreaterThan(50));
            Assert.That(figures, Is.GreaterThanOrEqualTo(9), "denoising, four curves, filters and their variances, neighbours, confusion");
            Assert.That(charts, Is.GreaterThanOrEqualTo(5));
            Assert.That(images, Is.GreaterThanOrEqualTo(15), "three inputs and outputs at steps 0, 1, 2, 4 and 6; filters; neighbours of six classes or more");
        }
    }

    [Test]
    public void A_phone_is_filled_to_its_width_and_no_further()
    {
        _browser!.Open("file://" + Report, Phone, dark: false);
        Assert.That(_browser.Evaluate("document.querySelector('.charts .chart').getBoundingClientRect().width").GetDouble(), Is.InRange(300, Phone));
        Assert.That(
            _browser.Evaluate("Math.min(...[...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height))").GetDouble(), Is.GreaterThan(8),
            "letters can be read");
    }

    [Test]
    public void Dark_is_dark_and_light_is_light()
    {
        double Brightness(bool dark)
        {
            _browser!.Open("file://" + Report, Desk, dark);
            using var picture = SKBitmap.Decode(_browser.Screenshot());
            return picture.Pixels.Where((_, i) => i % 97 == 0).Average(pixel => (pixel.Red + pixel.Green + pixel.Blue) / 3.0);
        }

        Assert.That(Brightness(dark: false), Is.GreaterThan(200));
        Assert.That(Brightness(dark: true), Is.LessThan(60));
    }

    [TestCase("<div style=\"width:2000px\">planted</div>", "pixels wide, the window 360")]
    [TestCase("<p style=\"color:#999;background:#fff\">planted</p>", "contrast")]
    [TestCase("<img alt=\"planted\" width=\"20\" height=\"20\" src=\"data:image/png;base64,AAAA\"/>", "was not decoded")]
    [TestCase("<figure><figcaption>planted</figcaption></figure>", "is empty")]
    public void A_planted_fault_is_found(string planted, string named)
    {
        _browser!.Open("file://" + Planted(planted), Phone, dark: false);
        Assert.That(PageLayout.Of(_browser).Faults, Has.Some.Contains(named));
    }

    [TestCase(false, "<script>throw new Error('planted')</script>")]
    [TestCase(true, "<script>throw new Error('planted')</script>")]
    [TestCase(true, "<img alt=\"planted\" width=\"20\" height=\"20\" src=\"file:///planted.png\"/>")]
    public void A_planted_error_is_heard_and_nothing_foreign_runs_or_loads(bool guarded, string planted)
    {
        var complaints = _browser!.Open("file://" + Planted(planted, guarded), Phone, dark: false);
        Assert.That(complaints, Has.Some.Contains(guarded ? "Content Security Policy" : "planted"));
    }

    /// <summary>The report with something in it that should not be there, and without its policy where that would keep it from running.</summary>
    private string Planted(string what, bool guarded = true)
    {
        var page = File.ReadAllText(Report);
        Assert.That(page, Does.Contain("</main>").And.Contain("Content-Security-Policy"));
        var planted = page.Replace("</main>", what + "</main>", StringComparison.Ordinal);
        return Folder.Write(
            "planted.html", System.Text.Encoding.UTF8.GetBytes(guarded ? planted : planted.Replace("Content-Security-Policy", "nothing", StringComparison.Ordinal)));
    }

    private static void Done(string[] line)
    {
        var run = CommandLine.Run(line);
        Assert.That(run.ExitCode, Is.Zero, run.Human);
    }

    /// <summary>Screenshots are kept where LDAE_SCREENSHOTS says, to be looked at.</summary>
    private static void Keep(string name, byte[] png)
    {
        if (Environment.GetEnvironmentVariable("LDAE_SCREENSHOTS") is { Length: > 0 } folder)
        {
            File.WriteAllBytes(Path.Combine(folder, name), png);
        }
    }
}

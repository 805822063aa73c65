using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>TensorBoard's event files: checksums by published vectors, and what a run writes read by a reader of the tests' own.</summary>
public sealed class EventLogTests : FolderPerTest
{
    // RFC 3720, appendix B.4, and the check value of the CRC catalogues.
    [TestCase(0, 0, 32, 0x8a9136aau)]
    [TestCase(255, 0, 32, 0x62a8ab43u)]
    [TestCase(0, 1, 32, 0x46dd794eu)]
    [TestCase(31, -1, 32, 0x113fdb5cu)]
    [TestCase('1', 1, 9, 0xe3069283u)]
    public void Checksums_are_those_of_the_standard(int first, int step, int count, uint expected) =>
        Assert.That(EventLog.Checksum([.. Enumerable.Range(0, count).Select(i => (byte)(first + (i * step)))]), Is.EqualTo(expected));

    [Test]
    public void Scalars_pictures_and_texts_are_read_again()
    {
        var png = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "goldens", "data", "images", "grey.png"));
        using (var log = new EventLog(Folder.Path, 0))
        {
            log.Scalars(3, ("loss/total", 0.25), ("lr", 1e-3));
            log.Image(4, "grey", png);
            log.Text(0, "config", "{ \"a\": \"ü\" }");
        }

        var file = EventFile.Read(Directory.GetFiles(Folder.Path, EventLog.Prefix + "*").Single());
        Assert.That(file.Events[0].Text(3), Is.EqualTo("brain.Event:2"));
        Assert.That(file.Events[0].Double(1), Is.EqualTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds()).Within(600));
        Assert.That(file.Scalars, Is.EqualTo(new[] { ("loss/total", 0.25f, 3L), ("lr", 1e-3f, 3L) }));
        var (tag, height, width, read, step) = file.Images.Single();
        Assert.That((tag, read, step), Is.EqualTo(("grey", png, 4L)));
        Assert.That(height * width, Is.Positive);
        Assert.That(file.Texts, Is.EqualTo(new[] { ("config", "{ \"a\": \"ü\" }") }));
    }

    [Test]
    public void A_run_writes_what_its_metrics_say_and_a_resumed_one_forgets_what_came_after_its_checkpoint()
    {
        var recipe = Toy.Recipe("train.steps=4", "train.checkpointEvery=2");
        using var backend = new CpuBackend(1);
        var options = Toy.Options(recipe, backend, Folder.Path) with { Hooks = [new RunPictures((model, moment) => moment.Starts ? [("filters", Png)] : [("grid", Png)])] };
        new Pretraining(options).Run();
        var first = EventFile.Read(Directory.GetFiles(Folder.Path, EventLog.Prefix + "*").Single());
        var lines = File.ReadLines(Folder[RunFiles.Metrics]).Select(l => System.Text.Json.JsonDocument.Parse(l).RootElement).ToList();
        Assert.That(
            first.Scalars.Where(s => s.Tag == "loss/total").Select(s => (s.Step, s.Value)),
            Is.EqualTo(lines.Select(l => (l.GetProperty("step").GetInt64(), (float)l.GetProperty("loss").GetDouble()))));
        Assert.That(first.Scalars.Where(s => s.Tag == "lr").Select(s => s.Value), Is.EqualTo(lines.Select(l => (float)l.GetProperty("lr").GetDouble())));
        Assert.That(
            first.Scalars.Where(s => s.Tag == "images_per_second").Select(s => s.Value), Is.EqualTo(lines.Select(l => (float)l.GetProperty("images_per_second").GetDouble())));
        Assert.That(first.Texts.Single().Text, Does.Contain("\"width\": 16"));
        Assert.That(first.Images.Select(i => (i.Tag, i.Step)), Is.EqualTo(new[] { ("filters", 0L), ("grid", 1L), ("grid", 2L), ("grid", 4L) }));

        Directory.Delete(Directory.GetDirectories(Folder[RunFiles.Checkpoints]).Order(StringComparer.Ordinal).Last(), recursive: true);
        new Pretraining(options with { Resume = true }).Run();
        var second = EventFile.Read(Directory.GetFiles(Folder.Path, EventLog.Prefix + "*").Order(StringComparer.Ordinal).Last());
        Assert.That(second.Events[1].Number(2), Is.EqualTo(3), "steps from here on are forgotten");
        Assert.That(second.Events[1].Message(7).Number(1), Is.EqualTo(1), "START");
        Assert.That(second.Scalars.Where(s => s.Tag == "loss/total"), Is.EqualTo(first.Scalars.Where(s => s.Tag == "loss/total" && s.Step > 2)));
    }

    [Test]
    public void Earlier_files_keep_the_steps_up_to_the_checkpoint_and_what_a_crash_cut_short_goes()
    {
        void Run(long from, long to, int cut = 0)
        {
            using (var log = new EventLog(Folder.Path, from))
            {
                log.Text(from, "config", "{}");
                for (var step = from + 1; step <= to; step++)
                {
                    log.Scalars(step, ("lr", step));
                }
            }

            using var file = File.OpenWrite(Files().Last());
            file.SetLength(file.Length - cut);
        }

        string[] Files() => [.. Directory.GetFiles(Folder.Path).Order(StringComparer.Ordinal)];
        long[] Steps() => [.. Files().SelectMany(file => EventFile.Read(file).Scalars).Select(s => s.Step)];

        Run(0, 5, cut: 3);
        Run(3, 8);
        Assert.That(Steps(), Is.EqualTo(new long[] { 1, 2, 3, 4, 5, 6, 7, 8 }));
        Run(6, 7);
        Assert.That(Steps(), Is.EqualTo(new long[] { 1, 2, 3, 4, 5, 6, 7 }));
        Assert.That(Files(), Has.Length.EqualTo(3));
        Run(3, 4);
        Assert.That(Steps(), Is.EqualTo(new long[] { 1, 2, 3, 4 }));
        Assert.That(Files(), Has.Length.EqualTo(2), "a file that went on from the same step or a later one is told anew");
        Run(0, 2);
        Assert.That(Steps(), Is.EqualTo(new long[] { 1, 2 }), "a run that was killed before its first checkpoint begins again");
    }

    private static byte[] Png => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "goldens", "data", "images", "colour_16_bit.png"));
}

using LDaeCore.Bench;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Cuda;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Bench;

/// <summary>Whole runs of the bench at toy size: what is written, and that a slower kernel is found out.</summary>
[NonParallelizable]
public sealed class BenchRunTests : FolderPerTest
{
    private const string Attention = "attention 2x64 tokens";

    [Test]
    public void A_kernel_that_does_its_work_thirty_times_is_reported_and_the_exit_code_says_so()
    {
        using var honest = new CountingBackend(new CpuBackend(1));
        using var planted = new RepeatingBackend(new CpuBackend(1));
        var (before, after) = (Measure("before", honest), Measure("after", planted));

        // A machine that is busy with something else meanwhile has a spread that hides even this; it is not busy every time.
        for (var again = 0; again < 2 && !Comparison.Regressions(before, after).Any(); again++)
        {
            (before, after) = (Measure("before", honest), Measure("after", planted));
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                Comparison.Regressions(before, after), Has.Some.StartsWith($"{Attention}, 1 heads of 32 backward"));
            Assert.That(BenchCommand.Run(["compare", Json("before"), Json("after")]), Is.EqualTo(1));
            Assert.That(BenchCommand.Run(["compare", Json("before"), Json("before")]), Is.Zero);
        }
    }

    [Test]
    public void A_run_leaves_numbers_table_and_plot()
    {
        var report = BenchCommand.Measure(Options("run") with { Filters = [Attention, "step toy", "features toy", "data 64"] });
        var names = report.Rows.Select(row => $"{row.Name} {row.Pass}").ToList();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(names, Is.SupersetOf(new[] { "copy limit", $"{Attention}, 1 heads of 32 forward", "step toy step", "features toy forward", "data 64 images" }));
            Assert.That(report.Rows, Has.All.Property("MedianS").GreaterThan(0));
            var steps = report.Rows.Where(row => row.Pass == "step").ToList();
            Assert.That(steps.Select(row => row.Name), Is.EqualTo(new[] { "step toy", "step toy identity" }));
            Assert.That(steps.Select(row => row.Families), Has.All.ContainKey("MatMul").And.All.ContainKey("AdamW"));
            Assert.That(steps[0].Families, Does.ContainKey("PcaLoss").And.Not.ContainKey("SquaredError"));
            Assert.That(steps[1].Families, Does.ContainKey("SquaredError").And.Not.ContainKey("PcaLoss"));
            Assert.That(steps.Select(row => row.NoiseAndLoss), Has.All.GreaterThan(0).And.All.LessThan(1));
            Assert.That(RunReport.Read(Json("run")).Rows, Has.Count.EqualTo(report.Rows.Count));
            Assert.That(File.ReadAllText(Path.Combine(Folder.Path, "run", "results.md")), Does.Contain("step toy"));
            Assert.That(File.ReadAllBytes(Path.Combine(Folder.Path, "run", "roofline.png")).Take(4), Is.EqualTo(new byte[] { 0x89, (byte)'P', (byte)'N', (byte)'G' }));
        }
    }

    [Test]
    public void The_emulated_device_is_timed_by_events_around_replayed_graphs()
    {
        EmulatedBackendTests.Device();
        var report = BenchCommand.Measure(Options("emulated") with { Device = DeviceKind.Emulated, Filters = ["layernorm 2x5", "linear 17x6x33"] });
        var norm = report.Rows.Single(row => row is { Pass: "backward" } && row.Name.StartsWith("layernorm", StringComparison.Ordinal));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(norm.MedianS, Is.GreaterThan(0));
            Assert.That(norm.Registers, Is.GreaterThan(0));
            Assert.That(norm.LocalBytes, Is.Zero);
            Assert.That(norm.Share, Is.GreaterThan(0));
        }
    }

    [TestCase("--devise", "cpu")]
    [TestCase("--device", "plan")]
    [TestCase("--device", "3")]
    [TestCase("--device")]
    [TestCase("--precision", "fp8")]
    [TestCase("--threads", "many")]
    [TestCase("--times", "0")]
    public void A_wrong_argument_is_named(params string[] arguments)
    {
        var error = Assert.Throws<LdaeException>(() => BenchOptions.Parse(arguments));
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Configuration));
        Assert.That(error.Message, Does.Contain(arguments[0]));
    }

    [Test]
    public void A_file_that_is_no_report_is_refused()
    {
        var path = Folder["x.json"];
        File.WriteAllText(path, "[");
        Assert.That(() => RunReport.Read(path), Throws.InstanceOf<LdaeException>().With.Property("Kind").EqualTo(ErrorKind.Data));
    }

    private RunReport Measure(string name, IBackend backend) =>
        BenchCommand.Measure(Options(name) with { Filters = [Attention], Times = 41 }, backend);

    private BenchOptions Options(string name) => new() { Toy = true, Threads = 1, Out = Folder[name] };

    private string Json(string name) => Path.Combine(Folder.Path, name, "results.json");

    /// <summary>The planted regression: attention's backward, right and slow.</summary>
    private sealed class RepeatingBackend(IBackend inner) : CountingBackend(inner)
    {
        public override void Run<T>(in PrimitiveCall call, T arguments, Action<IKernels, T> kernel)
        {
            for (var i = 0; i < (call.Name == nameof(IKernels.AttentionBackward) ? 30 : 1); i++)
            {
                base.Run(call, arguments, kernel);
            }
        }
    }
}

using System.Text.Json;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>What --profile writes, read back as a viewer would.</summary>
public sealed class TraceTests : FolderPerTest
{
    [Test]
    public void A_profiled_run_names_its_kernels_and_products()
    {
        _ = EmulatedBackendTests.Device();
        var events = Profiled("emulated");
        var kernels = events.Where(e => e.GetProperty("cat").GetString() == "kernel").ToList();
        var names = kernels.Select(e => e.GetProperty("name").GetString()).Distinct().ToList();
        var layerNorm = kernels.First(e => e.GetProperty("name").GetString() == "layernorm_forward").GetProperty("args");
        var product = events.First(e => e.GetProperty("cat").GetString() == "product").GetProperty("args");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(names, Is.SupersetOf(new[] { "layernorm_forward", "layernorm_backward", "latent_noise_from_images", "pca_loss_forward", "optimizer_adamw" }));
            Assert.That(layerNorm.GetProperty("family").GetString(), Is.EqualTo("layernorm"));
            Assert.That(layerNorm.GetProperty("specialisation").GetString(), Does.StartWith("layernorm LDAE_BF16=0"));
            Assert.That(layerNorm.GetProperty("grid").GetString(), Does.Match(@"^\d+ x 1 x 1$"));
            Assert.That(layerNorm.GetProperty("block").GetString(), Does.Match(@"^\d+ x 1 x 1$"));
            Assert.That(layerNorm.GetProperty("tensor_bytes").GetInt64(), Is.GreaterThan(0));
            Assert.That(
                product.GetProperty("flops").GetInt64(),
                Is.EqualTo(2 * product.GetProperty("m").GetInt64() * product.GetProperty("n").GetInt64() * product.GetProperty("k").GetInt64()));
            Assert.That(events.Select(e => e.GetProperty("name").GetString()), Has.Some.EqualTo("upload").And.Some.EqualTo("fill"));
        }
    }

    [Test]
    public void Kernels_follow_each_other_inside_the_step_that_asked_for_them()
    {
        _ = EmulatedBackendTests.Device();
        var events = Profiled("emulated");
        var device = events.Where(e => e.GetProperty("pid").GetInt32() == 1).Select(Span).OrderBy(s => s.Start).ToList();
        var steps = events.Where(e => e.GetProperty("name").GetString() == "step").Select(Span).OrderBy(s => s.Start).ToList();
        Assert.That(device, Has.Count.GreaterThan(50));
        Assert.That(device.Select(s => s.End - s.Start), Has.All.GreaterThan(0));
        for (var i = 1; i < device.Count; i++)
        {
            // Times are rounded to nanoseconds in the file.
            Assert.That(device[i].Start, Is.GreaterThanOrEqualTo(device[i - 1].End - 0.002));
        }

        // One clock each for host and device: what the host waits for in a step has ended when the step has.
        Assert.That(device.Count(s => s.Start >= steps[0].Start - 200 && s.End <= steps[^1].End + 200), Is.GreaterThan(device.Count / 2));
    }

    [TestCase("emulated")]
    [TestCase("cpu")]
    public void Host_ranges_nest(string device)
    {
        if (device == "emulated")
        {
            _ = EmulatedBackendTests.Device();
        }

        var events = Profiled(device);
        var ranges = events.Where(e => e.GetProperty("cat").GetString() == "range").ToList();
        Assert.That(ranges.Select(e => e.GetProperty("name").GetString()).Distinct(), Is.SupersetOf(new[] { "load", "step", "forward", "backward", "optimizer", "checkpoint" }));
        Assert.That(ranges.Count(e => e.GetProperty("name").GetString() == "step"), Is.EqualTo(2));
        var spans = ranges.Select(Span).OrderBy(s => s.Start).ThenByDescending(s => s.End).ToList();
        var open = new Stack<double>();
        foreach (var (start, end) in spans)
        {
            while (open.TryPeek(out var outer) && outer <= start + 0.001)
            {
                open.Pop();
            }

            Assert.That(open.Count == 0 || end <= open.Peek() + 0.002, "a range ends inside the one it began in");
            open.Push(end);
        }
    }

    [Test]
    public void The_cpu_times_its_primitives()
    {
        var primitives = Profiled("cpu").Where(e => e.GetProperty("cat").GetString() == "primitive").ToList();
        Assert.That(primitives.Select(e => e.GetProperty("name").GetString()).Distinct(), Is.SupersetOf(new[] { "MatMul", "LayerNorm", "Attention", "AdamW" }));

        // A trace counts in tenths of microseconds: filling one element may take none.
        Assert.That(primitives.Select(e => e.GetProperty("dur").GetDouble()), Has.All.GreaterThanOrEqualTo(0));
        Assert.That(primitives.Where(e => e.GetProperty("name").GetString() == "MatMul").Select(e => e.GetProperty("dur").GetDouble()), Has.All.GreaterThan(0));
    }

    [Test]
    public void Observed_work_must_not_be_recorded_until_the_profile_ends()
    {
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        using var x = new PersistentTensor(backend, new Shape(1000), DType.F32);
        using var trace = new TraceRecorder();
        Assert.That(backend.IsObserved, Is.False);
        using (backend.Profile(trace))
        {
            Assert.That(backend.IsObserved);

            // More than the batch that is read at once.
            for (var i = 0; i < 1500; i++)
            {
                backend.Fill(x.Tensor, i);
            }
        }

        Assert.That(backend.IsObserved, Is.False);
        Assert.That(trace.Events, Has.Count.EqualTo(1500));
        Assert.That(trace.Events.Zip(trace.Events.Skip(1)), Has.All.Matches<(TraceEvent First, TraceEvent Second)>(p => p.Second.Start >= p.First.Start));
    }

    [Test]
    public void A_trace_that_is_full_takes_no_more()
    {
        using var trace = new TraceRecorder();
        for (var i = 0; i <= TraceRecorder.MostEvents; i++)
        {
            using var range = Ranges.Open("again");
        }

        Assert.That(trace.Events, Has.Count.EqualTo(TraceRecorder.MostEvents));
        Assert.That(trace.IsFull);
    }

    private List<JsonElement> Profiled(string device)
    {
        var run = Folder["run"];
        string[] settings = [.. LDaeCore.Tests.Model.Training.Toy.Settings, "train.steps=2", "train.accumulate=2", "train.precision=fp32", "network.gateInit=random"];
        var done = Runner.CommandLine.Run(
            ["pretrain", "--preset", "demo", "--data", "synthetic:40", "--device", device, "--out", run, "--profile", "--json", .. settings.SelectMany(s => new[] { "--set", s })]);
        Assert.That(done.ExitCode, Is.Zero, done.Human);
        using var file = File.OpenRead(Path.Combine(run, "trace.json"));
        return [.. JsonDocument.Parse(file).RootElement.GetProperty("traceEvents").EnumerateArray().Where(e => e.GetProperty("ph").GetString() == "X")];
    }

    private static (double Start, double End) Span(JsonElement happened)
    {
        var start = happened.GetProperty("ts").GetDouble();
        return (start, start + happened.GetProperty("dur").GetDouble());
    }
}

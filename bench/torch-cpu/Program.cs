using System.Globalization;
using System.Text.Json.Nodes;
using LDaeCore.TorchRival;
using static TorchSharp.torch;

// torch-rival [NAME...] [--cases FILE] [--threads N] [--seconds S] [--no-time] [--no-ema] [--dim D] [--batch B]
// NAME: "step cifar-tiny", "step natural64", "step toy", or an op case. One JSON object on standard output, in the form of bench's own.
var names = new List<string>();
var (threads, seconds, time, ema) = (Environment.ProcessorCount, 5.0, true, true);
int? dim = null, batch = null;
var rest = new Queue<string>(args);
while (rest.TryDequeue(out var argument))
{
    int Number() => int.Parse(rest.Dequeue(), CultureInfo.InvariantCulture);
    switch (argument)
    {
        case "--threads": threads = Number(); break;
        case "--seconds": seconds = double.Parse(rest.Dequeue(), CultureInfo.InvariantCulture); break;
        case "--cases": names.AddRange(File.ReadAllLines(rest.Dequeue()).Where(line => line.Length > 0)); break;
        case "--no-time": time = false; break;
        case "--no-ema": ema = false; break;
        case "--dim": dim = Number(); break;
        case "--batch": batch = Number(); break;
        default: names.Add(argument); break;
    }
}

set_num_threads(threads);
var rows = new JsonArray();
foreach (var name in names)
{
    const string Step = "step ";
    if (name.StartsWith(Step, StringComparison.Ordinal))
    {
        var sizes = StepSizes.Of(name[Step.Length..]);
        rows.Add(RunStep(name, sizes with { Time = time, Ema = ema, Dim = dim ?? sizes.Dim, Batch = batch ?? sizes.Batch }));
    }
    else if (Ops.Of(name) is { } found)
    {
        rows.Add(RunForward(name, found));
        rows.Add(RunBackward(name, found));
    }
}

Console.WriteLine(new JsonObject
{
    ["schema"] = 1,
    ["program"] = "libtorch 2.10 by TorchSharp 0.107.0",
    ["device"] = "cpu",
    ["threads"] = threads,
    ["rows"] = rows,
}.ToJsonString(new() { WriteIndented = true }));

JsonObject RunStep(string name, StepSizes sizes)
{
    var step = new TrainingStep(sizes);
    Console.Error.WriteLine($"{name}: {step.ParameterCount:N0} parameters");
    var taken = Samples.Take(() => step.Run(), warmUp: 3, least: 5, 4 * seconds);
    var row = Row(name, "step", taken);
    row["images_per_second"] = sizes.Batch / taken.Median;
    row["parameters"] = step.ParameterCount;
    row["flops"] = sizes.Flops;
    row["peak_memory_bytes"] = PeakMemory();
    Console.Error.WriteLine($"{name}: {sizes.Batch / taken.Median:F1} img/s, {sizes.Flops / taken.Median / 1e9:F1} GFLOP/s");
    return row;
}

JsonObject RunForward(string name, Ops.Case found) => Row(name, "forward", Samples.Take(
    () =>
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        found.Run(found.Inputs);
    },
    warmUp: 3,
    least: 5,
    seconds));

JsonObject RunBackward(string name, Ops.Case found)
{
    using var scope = NewDisposeScope();
    var y = found.Run(found.Inputs);
    var dy = randn_like(y);
    return Row(name, "backward", Samples.Take(
        () =>
        {
            using var inner = NewDisposeScope();
            autograd.grad([y], found.Inputs, [dy], retain_graph: true);
        },
        warmUp: 3,
        least: 5,
        seconds));
}

static JsonObject Row(string name, string pass, Samples taken) => new()
{
    ["name"] = name,
    ["pass"] = pass,
    ["median_s"] = taken.Median,
    ["low_s"] = taken.Low,
    ["high_s"] = taken.High,
    ["samples"] = taken.Count,
};

static long PeakMemory() => File.ReadLines("/proc/self/status")
    .Where(line => line.StartsWith("VmHWM", StringComparison.Ordinal))
    .Select(line => 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture))
    .FirstOrDefault();

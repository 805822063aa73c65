using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Bench;

/// <summary>The device that the options ask for, and its limits.</summary>
internal static class BenchDevice
{
    private const int LargeProduct = 8192, ProcessorProduct = 2048;
    private const int LargeCopy = 1 << 28, ToySize = 64;

    /// <summary>Opens it.</summary>
    /// <param name="options">Kind, threads, precision.</param>
    public static IBackend Open(BenchOptions options) => options.Device switch
    {
        DeviceKind.Reference => new ReferenceBackend(),
        DeviceKind.Cpu => new CpuBackend(options.Threads),
        _ => new CudaBackend(CudaDevice.Open(options.Device), new CudaOptions
        {
            ActivationType = (options.Precision ?? (options.Device == DeviceKind.Cuda ? "bf16" : "fp32")) == "bf16" ? DType.BF16 : DType.F32,
            Warn = Console.Error.WriteLine,
        }),
    };

    /// <summary>What the device is called in a report.</summary>
    /// <param name="backend">The device.</param>
    public static string NameOf(IBackend backend) => backend is CudaBackend cuda
        ? $"{cuda.Device.Name} ({cuda.ActivationType})"
        : File.Exists("/proc/cpuinfo") && File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line
            ? $"{backend.Kind}, {line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()}"
            : backend.Kind.ToString();

    /// <summary>Measures the limits.</summary>
    /// <param name="options">How long.</param>
    /// <param name="backend">The device.</param>
    /// <returns>The limits, and the rows that they come from.</returns>
    public static (Limits Limits, IReadOnlyList<ResultRow> Rows) Measure(BenchOptions options, IBackend backend)
    {
        var gpu = backend is CudaBackend;
        var n = options.Toy ? ToySize : gpu ? LargeProduct : ProcessorProduct;
        var ops = new OpRuns(options, backend);
        List<ResultRow> rows = [ops.Run(Product(n))];
        if (!gpu)
        {
            var threads = backend is CpuBackend cpu ? cpu.Threads : 1;
            rows.Add(ResultRow.Of("copy", "limit", ProcessorLimits.Copies(threads, options.Iterations)) with { Bytes = ProcessorLimits.BytesOfCopy(threads) });
            if (ProcessorLimits.HasLoop)
            {
                rows.Add(ResultRow.Of("multiply-add", "limit", ProcessorLimits.Loops(threads, options.Iterations)) with { Flops = ProcessorLimits.FlopsOfLoop(threads) });
            }
        }
        else
        {
            rows.Add(ops.Run(Copy(options.Toy ? ToySize * ToySize : LargeCopy)));
        }

        rows = [.. rows.Select(row => row with { Pass = "limit" })];
        var bandwidth = rows.Where(row => row.Name.StartsWith("copy", StringComparison.Ordinal)).Max(row => row.Bytes / row.LowS)!.Value;
        return (new Limits(bandwidth, rows.Max(row => row.Flops / row.LowS)!.Value), rows);
    }

    private static LDaeCore.Engine.Ops.OpCase Product(int n) => new(
        "product",
        $"{n}x{n}x{n}",
        [new("a", new Shape(n, n)), new("b", new Shape(n, n))],
        (tape, i) =>
        {
            var y = tape.New(new Shape(n, n));
            tape.Backend.MatMul(new MatMulArgs(i[0], false, i[1], true, y));
            return [y];
        })
    {
        Flops = 2.0 * n * n * n,
        Elements = 3.0 * n * n,
        Differentiable = false,
    };

    private static LDaeCore.Engine.Ops.OpCase Copy(int count) => new(
        "copy",
        $"{count} values",
        [new("x", new Shape(count)), new("y", new Shape(count))],
        (tape, i) =>
        {
            tape.Backend.Copy(i[0], i[1]);
            return [i[1]];
        })
    {
        Elements = 2.0 * count,
        Differentiable = false,
    };
}

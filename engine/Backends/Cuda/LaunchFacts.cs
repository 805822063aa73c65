using System.Globalization;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Interop;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>What a stream is asked to do, for an observer.</summary>
/// <param name="Category">kernel, product or copy.</param>
/// <param name="Name">Kernel, "matmul", or kind of copy.</param>
/// <param name="Arguments">What there is to know about it.</param>
internal sealed record LaunchFacts(string Category, string Name, IReadOnlyList<(string Name, object Value)> Arguments)
{
    /// <summary>A kernel.</summary>
    /// <param name="kernel">Which.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block.</param>
    /// <param name="tensorBytes">Bytes of all tensors among its arguments: about what it moves, as each is read or written once.</param>
    public static LaunchFacts OfKernel(CudaKernel kernel, Grid grid, Grid block, int sharedBytes, long tensorBytes) => new(
        "kernel",
        kernel.Name,
        [
            ("family", kernel.Family), ("specialisation", kernel.Specialisation), ("grid", Text(grid)), ("block", Text(block)), ("shared_bytes", sharedBytes),
            ("tensor_bytes", tensorBytes)]);

    /// <summary>A matrix product.</summary>
    public static LaunchFacts OfProduct(in GemmShape shape)
    {
        long m = shape.M, n = shape.N, k = shape.K, input = SizeOf(shape.Input), output = SizeOf(shape.Output);
        return new LaunchFacts(
            "product",
            "matmul",
            [
                ("shape", shape.ToString()), ("m", m), ("n", n), ("k", k), ("flops", 2 * m * n * k),
                ("bytes", (((m * k) + (k * n)) * input) + (m * n * output * (shape.Adds ? 2 : 1)))]);
    }

    /// <summary>A copy or a fill.</summary>
    public static LaunchFacts OfCopy(string name, long bytes) => new("copy", name, [("bytes", bytes)]);

    /// <summary>The event it becomes.</summary>
    /// <param name="track">The device's time line.</param>
    /// <param name="start">Microseconds since the trace's begin.</param>
    /// <param name="duration">Microseconds.</param>
    public TraceEvent At(int track, double start, double duration) => new(track, Category, Name, start, duration, Arguments);

    private static long SizeOf(CublasLtType type) => type == CublasLtType.BF16 ? 2 : 4;

    private static string Text(Grid size) => string.Create(CultureInfo.InvariantCulture, $"{size.X} x {size.Y} x {size.Z}");
}

using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>The emulator itself: what a GPU does by contract, on kernels small enough to check by hand.</summary>
public sealed class EmulatorTests
{
    private EmulatedProgram _basics = null!;

    [OneTimeSetUp]
    public void Compile() => _basics = new EmulatedProgram("programs/basics.cu", ArenaMode.Guard);

    [OneTimeTearDown]
    public void Free() => _basics?.Dispose();

    [Test]
    public void Threads_of_several_blocks_add_two_vectors()
    {
        var (a, b) = (Values(1000, 1), Values(1000, 2));
        var sum = _basics.Floats(new float[1000]);
        _basics.Launch("add", 4, 256, 0, [_basics.Floats(a), _basics.Floats(b), sum], 1000);
        Assert.That(_basics.Read(sum), Is.EqualTo(a.Zip(b, (x, y) => x + y)));
    }

    [Test]
    public void Barriers_order_a_tree_of_sums_in_shared_memory()
    {
        var x = Values(1000, 3);
        var sums = _basics.Floats(new float[4]);
        _basics.Launch("block_sum", 4, 256, 1024, [_basics.Floats(x), sums], 1000);
        Assert.That(_basics.Read(sums), Is.EqualTo(x.Chunk(256).Select(part => part.Sum())).Within(1e-4));
    }

    [Test]
    public void Lanes_exchange_values_and_votes()
    {
        var x = Values(64, 4);
        x.AsSpan(32).Fill(1);
        var y = _basics.Floats(new float[6 * 64]);
        _basics.Launch("exchange", 1, 64, 0, [_basics.Floats(x), y], 0);
        var rows = _basics.Read(y).Chunk(6).ToArray();
        for (var i = 0; i < 64; i++)
        {
            var (first, lane) = (i / 32 * 32, i % 32);
            Assert.That(rows[i][0], Is.EqualTo(x.AsSpan(first, 32).ToArray().Sum()).Within(1e-4), $"sum, thread {i}");
            Assert.That(rows[i][1..], Is.EqualTo(new[] { lane < 30 ? x[i + 2] : x[i], x[first + 5], x[i] > 0 ? 1f : 0f, 1f, i < 32 ? 0f : 1f }), $"thread {i}");
        }
    }

    [TestCase("product_by_columns")]
    [TestCase("product_by_rows")]
    public void A_warp_multiplies_matrices(string kernel)
    {
        var (a, b) = (Values(256, 5), Values(128, 6));
        var given = kernel == "product_by_rows" ? Enumerable.Range(0, 128).Select(i => b[(i % 8 * 16) + (i / 8)]).ToArray() : b;
        var d = _basics.Floats(new float[128]);
        _basics.Launch(kernel, 1, 32, 768, [_basics.Halves(a), _basics.Halves(given), d], 0);
        var (left, right) = (_basics.Read(_basics.Halves(a)), _basics.Read(_basics.Halves(b)));
        var expected = Enumerable.Range(0, 128).Select(i => Enumerable.Range(0, 16).Sum(k => (double)left[(i / 8 * 16) + k] * right[(i % 8 * 16) + k]));
        Assert.That(_basics.Read(d), Is.EqualTo(expected).Within(1e-5));
    }

    [Test]
    public void An_edge_is_filled_with_zeros_and_untouched_shared_memory_is_NaN()
    {
        var y = _basics.Floats(new float[9]);
        _basics.Launch("edges", 1, 1, 32, [_basics.Floats(1, 2, 3, 4), y], 8);
        Assert.That(_basics.Read(y), Is.EqualTo(new[] { 1, 2, 0, 0, float.NaN, float.NaN, float.NaN, float.NaN, float.NaN }));
    }

    [Test]
    public void A_captured_launch_runs_when_replayed_with_the_arguments_of_the_capture()
    {
        var (one, sum) = (_basics.Floats(1, 1, 1), _basics.Floats(0, 0, 0));
        using var graph = _basics.Backend.Stream.Capture(() => _basics.Launch("add", 1, 32, 0, [one, sum, sum], 3));
        Assert.That(_basics.Read(sum), Is.EqualTo(new float[3]), "nothing runs while it is captured");
        graph.Launch(_basics.Backend.Stream);
        graph.Launch(_basics.Backend.Stream);
        Assert.That(_basics.Read(sum), Is.EqualTo(new float[] { 2, 2, 2 }));
    }

    [Test]
    public void Nothing_is_allocated_inside_a_capture() => Assert.That(
        () => _basics.Backend.Stream.Capture(() => _basics.Backend.Allocate(16)),
        Throws.TypeOf<LdaeException>().With.Message.Contains("CAPTURE_UNSUPPORTED"));

    [Test]
    public void A_mistake_in_a_kernel_is_reported_with_file_and_line() => Assert.That(
        () => new EmulatedProgram("kernels/wrong.cu", "#include \"common/portable.cuh\"\n\nextern \"C\" __global__ void wrong(float* y) { y[0] = z; }\n", ArenaMode.Guard),
        Throws.TypeOf<LdaeException>().With.Message.Contains("kernels/wrong.cu:3:"));

    [Test]
    public void A_static_shared_array_does_not_compile() => Assert.That(
        () => new EmulatedProgram("kernels/wrong.cu", "extern \"C\" __global__ void wrong(float* y) { __shared__ float z[4]; y[0] = z[0]; }\n", ArenaMode.Guard),
        Throws.TypeOf<LdaeException>().With.Message.Contains("__shared__"));

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return Enumerable.Range(0, count).Select(_ => (float)((2 * random.NextDouble()) - 1)).ToArray();
    }
}

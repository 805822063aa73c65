using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Engine.Backends;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>Matrix products of random sizes, transpositions and epilogues, fused and not, through the row-major wrapper.</summary>
public sealed class MatMulTests
{
    [Test]
    public void Random_products_agree_with_the_reference_in_float32([Range(0, 39)] int draw)
    {
        using var reference = new ReferenceBackend();
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        var (expected, actual) = (Product(reference, draw), Product(backend, draw));
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.That(Closeness.Error(actual[i], expected[i]), Is.LessThanOrEqualTo(2e-5), $"tensor {i}");
        }
    }

    [Test]
    public void Random_products_are_as_good_as_bf16_allows([Range(0, 39)] int draw)
    {
        using var reference = new ReferenceBackend();
        using var naive = new NaiveBf16Backend();
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.BF16);
        var (expected, yardstick, actual) = (Product(reference, draw), Product(naive, draw), Product(backend, draw));
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.That(Closeness.Error(actual[i], expected[i]), Is.LessThanOrEqualTo(Math.Max(2e-5, 2 * Closeness.Error(yardstick[i], expected[i]))), $"tensor {i}");
        }
    }

    [Test]
    public void A_shape_is_planned_once_and_its_choice_is_kept()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "algorithms.txt");
        using (var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32))
        {
            Product(backend, 0);
            var planned = backend.Gemm.Book.Count;
            Product(backend, 0);
            Assert.That(backend.Gemm.Book.Count, Is.EqualTo(planned));
            backend.WriteAlgorithms(file);
        }

        var book = new GemmAlgorithmBook();
        book.Read(file);
        Assert.That(book.Count, Is.GreaterThan(0));
        Assert.That(File.ReadAllLines(file), Has.All.Contains(EmulatedBackendTests.Device().Name + "|"));
    }

    [Test]
    public void A_damaged_line_of_a_book_is_passed_over()
    {
        using var folder = new TemporaryFolder();
        var good = new string('a', 128);
        var file = folder.Write("book.txt", System.Text.Encoding.UTF8.GetBytes($"gpu|1|x\t{good}\ngpu|1|y\t{good[1..]}\nnothing\ngpu|1|z\t{new string('g', 128)}\n"));
        var book = new GemmAlgorithmBook();
        book.Read(file);
        Assert.That(book.Count, Is.EqualTo(1));
        Assert.That(book.Find("gpu|1|x"), Is.Not.Null);
        Assert.That(book.Find("gpu|1|y"), Is.Null);
    }

    [Test]
    public void Work_is_recorded_once_and_replayed()
    {
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        using var one = new PersistentTensor(backend, new Shape(64), DType.F32);
        using var sum = new PersistentTensor(backend, new Shape(64), DType.F32);
        backend.Fill(one.Tensor, 1);
        backend.Fill(sum.Tensor, 0);
        backend.Add(one.Tensor, sum.Tensor, accumulate: true);
        backend.Synchronize();
        using var graph = backend.Stream.Capture(() => backend.Add(one.Tensor, sum.Tensor, accumulate: true));
        Assert.That(sum.Tensor.ReadFloats(backend), Has.All.EqualTo(1f), "recording does not run");
        graph.Launch(backend.Stream);
        graph.Launch(backend.Stream);
        Assert.That(sum.Tensor.ReadFloats(backend), Has.All.EqualTo(3f));
    }

    [Test]
    public void A_launch_allocates_nothing_on_the_managed_heap()
    {
        using var backend = CudaCases.Open(EmulatedBackendTests.Device(), DType.F32);
        using var x = new PersistentTensor(backend, new Shape(64, 8), DType.F32);
        using var w = new PersistentTensor(backend, new Shape(8, 8), DType.F32);
        using var y = new PersistentTensor(backend, new Shape(64, 8), DType.F32);
        backend.Fill(x.Tensor, 1);
        backend.Fill(w.Tensor, 1);
        Run();
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Run()
        {
            backend.MatMul(new MatMulArgs(x.Tensor, false, w.Tensor, true, y.Tensor));
            backend.Add(x.Tensor, y.Tensor, accumulate: true);
            backend.Synchronize();
        }
    }

    private static List<double[]> Product(IBackend backend, int draw)
    {
        int Draw(uint what, uint bound) => (int)Philox.Below(Philox.Word(78, RandomStream.Case, what, (ulong)draw), bound);
        int m = 1 + Draw(0, 90), n = 1 + Draw(1, 70), k = 1 + Draw(2, 80);
        if (draw % 2 == 0)
        {
            // Rows that cuBLASLt's GELU epilogues take.
            n = (n + 7) / 8 * 8;
        }

        bool ta = Draw(3, 2) == 1, tb = Draw(4, 2) == 1, accumulate = Draw(5, 2) == 1, bias = Draw(6, 2) == 1;
        var epilogue = draw % 4;
        using var arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
        var tape = new LDaeCore.Engine.Autograd.Tape(backend, arena);

        // A transposed left operand makes the gradient of a weight, which is float32; what belongs to the result has its type.
        DType? result = ta ? DType.F32 : null;
        var c = Random(3, result, m, n);
        var pre = epilogue == 1 ? tape.New(c.Shape, c.DType) : null;
        backend.MatMul(new MatMulArgs(Random(1, null, ta ? [k, m] : [m, k]), ta, Random(2, DType.F32, tb ? [n, k] : [k, n]), tb, c)
        {
            Accumulate = accumulate,
            Bias = bias ? Random(4, DType.F32, n) : null,
            PreActivation = pre,
            GeluGradientOf = epilogue == 2 ? Random(5, result, m, n) : null,
            Residual = epilogue == 3 ? Random(6, result, m % 2 == 0 && draw % 8 == 3 ? m / 2 : m, n) : null,
        });
        return pre is null ? [c.ReadDoubles(backend)] : [c.ReadDoubles(backend), pre.ReadDoubles(backend)];

        // Values that bf16 holds exactly, so that all backends are given the same; parameters may be finer.
        Tensor Random(uint stream, DType? parameter, params int[] sizes)
        {
            var tensor = tape.New(new Shape(sizes), parameter is null ? backend.ActivationType : backend.ParameterType);
            tensor.Write(backend, Enumerable.Range(0, (int)tensor.Shape.Count)
                .Select(i => Philox.Uniform(Philox.Word(5, RandomStream.Case, stream, (ulong)i)) - 0.5f)
                .Select(v => (double)(parameter is null ? BFloat16.Value(BFloat16.Bits(v)) : v)).ToArray());
            return tensor;
        }
    }
}

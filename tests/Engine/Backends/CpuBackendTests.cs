using System.Diagnostics;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Engine.Ops;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Backends;

/// <summary>The cpu backend against the reference, case by case, forward and backward; and against itself on other thread counts.</summary>
public sealed class CpuBackendTests
{
    private static IEnumerable<TestCaseData> Cases() => OpCatalog.All
        .Where(c => !c.TimingOnly)
        .Select(c => new TestCaseData(c).SetArgDisplayNames(c.ToString()));

    [TestCaseSource(nameof(Cases))]
    public void Results_and_gradients_agree_with_the_reference(OpCase opCase)
    {
        var values = CaseRun.Draw(opCase, 11);
        using var reference = new ReferenceBackend();
        using var cpu = new CpuBackend(2);
        var expected = Everything(opCase, reference, values);
        var actual = Everything(opCase, cpu, values);
        for (var i = 0; i < expected.Count; i++)
        {
            var tolerance = 1e-5 * Math.Max(1, Math.Sqrt(opCase.SumLength / 64.0));
            Assert.That(Closeness.Error(actual[i], expected[i]), Is.LessThanOrEqualTo(tolerance), $"tensor {i}");
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void Bits_do_not_depend_on_the_number_of_threads(OpCase opCase)
    {
        var values = CaseRun.Draw(opCase, 12);
        using var one = new CpuBackend(1);
        var expected = Everything(opCase, one, values);
        foreach (var threads in (int[])[2, 3])
        {
            using var several = new CpuBackend(threads);
            var actual = Everything(opCase, several, values);
            for (var i = 0; i < expected.Count; i++)
            {
                Assert.That(actual[i], Is.EqualTo(expected[i]), $"tensor {i}, {threads} threads");
            }
        }
    }

    [Test]
    public void Matrix_products_of_random_sizes_and_epilogues_agree_with_the_reference([Range(0, 63)] int draw)
    {
        int Draw(uint what, uint bound) => (int)Philox.Below(Philox.Word(77, RandomStream.Case, what, (ulong)draw), bound);
        int m = 1 + Draw(0, 220), n = 1 + Draw(1, 150), k = 1 + Draw(2, draw % 10 == 0 ? 900u : 130u);
        if (draw >= 60)
        {
            // Rows 4 KB apart and enough columns: the first operand is packed as well.
            (n, k) = (n + 256, 1024);
        }

        bool ta = Draw(3, 2) == 1 && draw < 62, tb = Draw(4, 2) == 1, accumulate = Draw(5, 2) == 1, bias = Draw(6, 2) == 1;
        int epilogue = Draw(7, 4);
        using var reference = new ReferenceBackend();
        using var cpu = new CpuBackend(2);
        var expected = Product(reference);
        var actual = Product(cpu);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.That(Closeness.Error(actual[i], expected[i]), Is.LessThanOrEqualTo(2e-5), $"{m}x{n}x{k} {ta} {tb} epilogue {epilogue}, tensor {i}");
        }

        List<double[]> Product(IBackend backend)
        {
            using var arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
            var tape = new LDaeCore.Engine.Autograd.Tape(backend, arena);
            Tensor Random(uint stream, params int[] sizes)
            {
                var tensor = tape.New(new Shape(sizes));
                tensor.Write(backend, Enumerable.Range(0, (int)tensor.Shape.Count)
                    .Select(i => (double)(Philox.Uniform(Philox.Word(5, RandomStream.Case, stream, (ulong)i)) - 0.5f)).ToArray());
                return tensor;
            }

            var c = Random(3, m, n);
            var pre = epilogue == 1 ? tape.New(c.Shape) : null;
            backend.MatMul(new MatMulArgs(Random(1, ta ? [k, m] : [m, k]), ta, Random(2, tb ? [n, k] : [k, n]), tb, c)
            {
                Accumulate = accumulate,
                Bias = bias ? Random(4, n) : null,
                PreActivation = pre,
                GeluGradientOf = epilogue == 2 ? Random(5, m, n) : null,
                Residual = epilogue == 3 ? Random(6, m % 2 == 0 ? m / 2 : m, n) : null,
            });
            return pre is null ? [c.ReadDoubles(backend)] : [c.ReadDoubles(backend), pre.ReadDoubles(backend)];
        }
    }

    /// <summary>An image of more values than one piece of a sum.</summary>
    [Test]
    public void A_squared_error_of_large_images_agrees_with_the_reference()
    {
        var opCase = SquaredError.Case(2, 21, 1000, weighted: true);
        var values = CaseRun.Draw(opCase, 4);
        using var reference = new ReferenceBackend();
        using var cpu = new CpuBackend(2);
        var expected = Everything(opCase, reference, values);
        var actual = Everything(opCase, cpu, values);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.That(Closeness.Error(actual[i], expected[i]), Is.LessThanOrEqualTo(1e-6), $"tensor {i}");
        }
    }

    [TestCase(1, 70, 2, 16)]
    [TestCase(2, 200, 1, 20)]
    [TestCase(1, 130, 3, 64)]
    [TestCase(3, 49, 2, 80)]
    public void Attention_over_several_tiles_agrees_with_the_reference(int images, int tokens, int heads, int size)
    {
        var width = heads * size;
        var opCase = new OpCase(
            "attention",
            "tiles",
            [new CaseInput("qkv", new Shape(images * tokens, 3 * width))],
            (tape, i) => [Attention.Apply(tape, i[0], heads, tokens)]);
        var values = CaseRun.Draw(opCase, 3);
        using var reference = new ReferenceBackend();
        using var cpu = new CpuBackend(2);
        var expected = Everything(opCase, reference, values);
        var actual = Everything(opCase, cpu, values);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.That(Closeness.Error(actual[i], expected[i]), Is.LessThanOrEqualTo(2e-5), $"tensor {i}");
        }
    }

    [Test]
    public void The_machine_takes_the_path_that_this_process_is_told_to_expect()
    {
        var expected = Environment.GetEnvironmentVariable("LDAE_EXPECT_MATRIX_PATH") ?? "";
        Assert.That(CpuBackend.MatrixPath, Does.StartWith(expected));
    }

    /// <summary>The same tests in a child process whose runtime pretends to have no AVX: the portable path.</summary>
    [Test]
    public void Without_vector_extensions_the_portable_path_agrees_too()
    {
        var assembly = typeof(CpuBackendTests).Assembly.Location;
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["DOTNET_EnableAVX"] = "0", ["LDAE_EXPECT_MATRIX_PATH"] = "portable" },
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(assembly);
        }

        // Plain output whatever the caller's environment asks for: a build server asks for colours.
        start.ArgumentList.Add("--no-ansi");
        start.ArgumentList.Add("--filter");

        // All tests of this class but this one.
        start.ArgumentList.Add(
            "FullyQualifiedName~CpuBackendTests.Results_and|FullyQualifiedName~CpuBackendTests.Matrix|FullyQualifiedName~CpuBackendTests.Attention"
                + "|FullyQualifiedName~CpuBackendTests.The_machine");
        using var child = Process.Start(start)!;
        var errors = child.StandardError.ReadToEndAsync();
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.That(child.ExitCode, Is.Zero, output + errors.Result);
        Assert.That(output, Does.Match(@"(?m)^\s*succeeded:\s*[1-9]\d{2,}"), "fewer tests ran in the child than were asked for");
    }

    internal static List<double[]> Everything(OpCase opCase, IBackend backend, double[][] values)
    {
        using var run = new CaseRun(opCase, backend, values);
        var all = run.Results().ToList();
        if (opCase.Differentiable)
        {
            all.AddRange(run.Gradients().OfType<double[]>());
        }

        return all;
    }
}

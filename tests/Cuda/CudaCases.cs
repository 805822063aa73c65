using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Engine.Backends;
using LDaeCore.Tests.Engine.Ops;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>An op case on a CUDA device, real or emulated, against the reference.</summary>
internal static class CudaCases
{
    /// <summary>The cases that the reference's plain loops can answer.</summary>
    public static IEnumerable<TestCaseData> All() => OpCatalog.All
        .Where(c => !c.TimingOnly)
        .Select(c => new TestCaseData(c).SetArgDisplayNames(c.ToString()));

    /// <summary>float32: the largest error over the largest value is at most 1e-5, times the root of the longest sum over 64.</summary>
    public static void AgreesInFloat32(OpCase opCase, CudaDevice device)
    {
        var values = CaseRun.Draw(opCase, 11);
        var expected = OnReference(opCase, values, coarse: false);
        using var backend = Open(device, DType.F32);
        var actual = Everything(opCase, backend, values, coarse: false);
        Compare(actual, expected, _ => Float32Tolerance(opCase));
    }

    /// <summary>bf16: no worse than twice the error of a naive bf16 computation on the same inputs.</summary>
    public static void AgreesInBf16(OpCase opCase, CudaDevice device)
    {
        var values = CaseRun.Coarse(opCase, CaseRun.Draw(opCase, 11));
        var expected = OnReference(opCase, values, coarse: true);
        using var naive = new NaiveBf16Backend();
        var yardstick = Everything(opCase, naive, values, coarse: true);
        using var backend = Open(device, DType.BF16);
        var actual = Everything(opCase, backend, values, coarse: true);
        Compare(actual, expected, i => Math.Max(2 * Closeness.Error(yardstick[i], expected[i]), Float32Tolerance(opCase)));
    }

    /// <summary>The same launches on the same inputs give the same bits.</summary>
    public static void Repeats(OpCase opCase, CudaDevice device, DType type)
    {
        var values = CaseRun.Draw(opCase, 12);
        using var backend = Open(device, type);
        var first = Everything(opCase, backend, values, coarse: false);
        var second = Everything(opCase, backend, values, coarse: false);
        for (var i = 0; i < first.Count; i++)
        {
            Assert.That(second[i], Is.EqualTo(first[i]), $"tensor {i}");
        }
    }

    public static CudaBackend Open(CudaDevice device, DType type) =>
        new(device, new CudaOptions { ActivationType = type, Warn = message => TestContext.Out.WriteLine(message) });

    /// <summary>Compiles every specialisation, or those given, into the cache, on every core.</summary>
    /// <returns>How many are loaded then.</returns>
    public static int CompileAll(CudaDevice device, IEnumerable<(string Family, (string Name, int Value)[] Constants)>? specialisations = null)
    {
        using var backend = Open(device, DType.F32);
        backend.Prepare(() =>
        {
            foreach (var (family, constants) in specialisations ?? KernelSpecialisations.All)
            {
                backend.Kernels.Get(family, KernelSources.Entries(KernelSources.Family(family)).First(), constants);
            }
        });
        return backend.LoadedKernels;
    }

    private static List<double[]> OnReference(OpCase opCase, double[][] values, bool coarse)
    {
        using var reference = new ReferenceBackend();
        return Everything(opCase, reference, values, coarse);
    }

    private static void Compare(List<double[]> actual, List<double[]> expected, Func<int, double> tolerance)
    {
        Assert.That(actual, Has.Count.EqualTo(expected.Count));
        using (Assert.EnterMultipleScope())
        {
            for (var i = 0; i < expected.Count; i++)
            {
                Assert.That(Closeness.Error(actual[i], expected[i]), Is.LessThanOrEqualTo(tolerance(i)), $"tensor {i}");
            }
        }
    }

    private static double Float32Tolerance(OpCase opCase) => 1e-5 * Math.Max(1, Math.Sqrt(opCase.SumLength / 64.0));

    private static List<double[]> Everything(OpCase opCase, IBackend backend, double[][] values, bool coarse)
    {
        using var run = new CaseRun(opCase, backend, values, coarse);
        var all = run.Results().ToList();
        if (opCase.Differentiable)
        {
            all.AddRange(run.Gradients().OfType<double[]>());
        }

        if (backend is CudaBackend cuda)
        {
            SanitizedChild.Announce(cuda.Kernels.Used);
        }

        return all;
    }
}

using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Cuda;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Backends;

/// <summary>Convolutions whose windows do not fit in one tile: in the usual cases all of them do.</summary>
public sealed class WindowTileTests
{
    private static readonly OpCase[] Cases =
    [
        Convolution.Case(2, 13, 11, 4, 5), Convolution.Case(2, 15, 18, 3, 7, stride: 2), Convolution.Case(3, 9, 9, 8, 8, residual: true),
        Convolution.Case(2, 16, 16, 8, 8, kernel: 1, stride: 2),
    ];

    [TestCaseSource(nameof(Cases))]
    public void Several_tiles_on_the_cpu_agree_with_the_reference(OpCase opCase)
    {
        using var cpu = new CpuBackend(2) { WindowElements = 1 };
        Agrees(opCase, cpu);
    }

    [TestCaseSource(nameof(Cases))]
    public void Several_tiles_on_the_emulated_device_agree_with_the_reference(OpCase opCase)
    {
        using var backend = new CudaBackend(EmulatedBackendTests.Device(), new CudaOptions { ActivationType = DType.F32 }) { WindowElements = 1 };
        Agrees(opCase, backend);
    }

    [Test]
    public void Memory_for_windows_does_not_grow_with_the_batch()
    {
        using var cpu = new CpuBackend(1);
        var before = cpu.WorkspaceBytes;
        var opCase = Convolution.Case(8, 64, 64, 16, 16);
        CpuBackendTests.Everything(opCase, cpu, LDaeCore.Tests.Engine.Ops.CaseRun.Draw(opCase, 3));
        Assert.That(cpu.WorkspaceBytes - before, Is.LessThan(2 << 20), "8 x 64 x 64 windows of 9 x 16 floats are 19 MB");
    }

    private static void Agrees(OpCase opCase, IBackend backend)
    {
        var values = LDaeCore.Tests.Engine.Ops.CaseRun.Draw(opCase, 21);
        using var reference = new ReferenceBackend();
        var expected = CpuBackendTests.Everything(opCase, reference, values);
        var actual = CpuBackendTests.Everything(opCase, backend, values);
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.That(Closeness.Error(actual[i], expected[i]), Is.LessThanOrEqualTo(2e-5), $"tensor {i}");
        }
    }
}

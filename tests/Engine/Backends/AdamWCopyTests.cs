using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Backends;

/// <summary>The rounded copy of the weights that AdamW leaves beside them.</summary>
public sealed class AdamWCopyTests
{
    [TestCase(DeviceKind.Cpu)]
    [TestCase(DeviceKind.Reference)]
    public void The_copy_holds_the_new_values_rounded_to_bf16(DeviceKind kind)
    {
        const int Count = 37;
        using IBackend backend = kind == DeviceKind.Cpu ? new CpuBackend(1) : new ReferenceBackend();
        PersistentTensor[] flat = [.. Enumerable.Range(1, 4).Select(n => New(backend, [.. Enumerable.Range(1, Count).Select(i => (double)(i * n % 11) / 7)]))];
        using var clip = New(backend, [0.5]);
        using var copy = new PersistentTensor(backend, new Shape(Count), DType.BF16);
        backend.AdamW(new AdamWArgs(flat[0].Tensor, flat[1].Tensor, flat[2].Tensor, flat[3].Tensor, clip.Tensor)
        {
            LearningRate = 0.1,
            Beta1 = 0.9,
            Beta2 = 0.99,
            Epsilon = 1e-8,
            Step = 2,
            Rounded = copy.Tensor,
        });
        var bits = new ushort[Count];
        backend.Download(copy.Tensor, bits.AsSpan());
        Assert.That(bits, Is.EqualTo(flat[0].Tensor.ReadFloats(backend).Select(BFloat16.Bits)));
        Array.ForEach(flat, tensor => tensor.Dispose());
    }

    private static PersistentTensor New(IBackend backend, double[] values)
    {
        var tensor = new PersistentTensor(backend, new Shape(values.Length), backend.ParameterType);
        tensor.Tensor.Write(backend, values);
        return tensor;
    }
}

using System.Numerics.Tensors;
using LDaeCore.Engine;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Tensors;

/// <summary>The host side of a tensor as System.Numerics.Tensors has it.</summary>
public sealed class TensorSpanTests
{
    [Test]
    public void A_processor_tensor_is_seen_and_written_in_place()
    {
        using var session = new Session(new CpuBackend(1));
        var tensor = session.Tensor(new Shape(2, 3), 1, 2, 3, 4, 5, 6);
        var seen = tensor.AsReadOnlyTensorSpan(session.Backend);
        Assert.That((seen.Rank, seen.Lengths[0], seen.Lengths[1], seen[1, 0]), Is.EqualTo((2, (nint)2, (nint)3, 4f)));
        var written = tensor.AsTensorSpan(session.Backend);
        written[0, 2] = -7;
        Assert.That(seen[0, 2], Is.EqualTo(-7), "the same memory");
        Assert.That(tensor.ReadFloats(session.Backend), Is.EqualTo(new[] { 1f, 2, -7, 4, 5, 6 }));
    }

    [Test]
    public void Other_tensors_are_copied_and_converted_and_not_written_in_place([Values("F64", "I32")] string type)
    {
        using IBackend backend = type == "F64" ? new ReferenceBackend() : new CpuBackend(1);
        using var session = new Session(backend);
        var tensor = type == "F64" ? session.Tensor(new Shape(3, 1), 0.5f, 1.5f, 2.5f) : session.Labels(1, 2, 3);
        Assert.That(() => { tensor.AsTensorSpan(backend); }, Throws.ArgumentException.With.Message.Contains(type));
        if (type == "F64")
        {
            var copy = tensor.AsReadOnlyTensorSpan(backend);
            Assert.That((copy.Lengths[0], copy.Lengths[1], copy[2, 0]), Is.EqualTo(((nint)3, (nint)1, 2.5f)));
        }
    }

    [Test]
    public void What_the_ecosystem_computes_is_written_back()
    {
        using var session = new Session(new ReferenceBackend());
        var tensor = session.Tensor(new Shape(2, 2), 1, 2, 3, 4);
        var doubled = System.Numerics.Tensors.Tensor.Multiply(tensor.AsReadOnlyTensorSpan(session.Backend), 2f);
        tensor.Write(session.Backend, doubled.AsReadOnlyTensorSpan());
        Assert.That(tensor.ReadFloats(session.Backend), Is.EqualTo(new[] { 2f, 4, 6, 8 }));
        var transposed = System.Numerics.Tensors.Tensor.Transpose(doubled);
        tensor.Write(session.Backend, transposed.AsReadOnlyTensorSpan());
        Assert.That(tensor.ReadFloats(session.Backend), Is.EqualTo(new[] { 2f, 6, 4, 8 }), "a view with other strides is written in its own order");
    }
}

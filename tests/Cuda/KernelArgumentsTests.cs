using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>The block of arguments that a launch hands to the driver.</summary>
public sealed unsafe class KernelArgumentsTests
{
    [Test]
    public void Each_entry_of_the_table_points_to_its_value()
    {
        var tensor = new Tensor(new Shape(3), DType.F32, 0x1234);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(tensor);
        arguments.AddNull();
        arguments.Add((Tensor?)null);
        arguments.Add(-7);
        arguments.Add(uint.MaxValue);
        arguments.Add(long.MinValue);
        arguments.Add(ulong.MaxValue);
        arguments.Add(1.5f);
        arguments.Add((nint)0x4321);
        var table = arguments.Table();
        Assert.That(arguments.Count, Is.EqualTo(9));
        Assert.That(*(nint*)table[0], Is.EqualTo((nint)0x1234));
        Assert.That(*(long*)table[1], Is.Zero);
        Assert.That(*(long*)table[2], Is.Zero);
        Assert.That(*(int*)table[3], Is.EqualTo(-7));
        Assert.That(*(uint*)table[4], Is.EqualTo(uint.MaxValue));
        Assert.That(*(long*)table[5], Is.EqualTo(long.MinValue));
        Assert.That(*(ulong*)table[6], Is.EqualTo(ulong.MaxValue));
        Assert.That(*(float*)table[7], Is.EqualTo(1.5f));
        Assert.That(*(nint*)table[8], Is.EqualTo((nint)0x4321));
    }

    [Test]
    public void The_table_lies_in_the_memory_that_was_given()
    {
        var memory = stackalloc long[KernelArguments.Capacity];
        var arguments = new KernelArguments(new Span<long>(memory, KernelArguments.Capacity));
        arguments.Add(1);
        var table = arguments.Table();
        Assert.That((nint)table, Is.EqualTo((nint)(memory + KernelArguments.MaxCount)));
        Assert.That((nint)table[0], Is.EqualTo((nint)memory));
    }

    [Test]
    public void One_argument_too_many_is_refused()
    {
        Assert.Throws<InvalidOperationException>(() =>
        {
            var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
            for (var i = 0; i <= KernelArguments.MaxCount; i++)
            {
                arguments.Add(i);
            }
        });
    }

    [Test]
    public void Too_little_memory_is_refused() =>
        Assert.Throws<ArgumentException>(() => _ = new KernelArguments(stackalloc long[KernelArguments.Capacity - 1]).Count);

    [Test]
    public void The_opaque_structures_have_the_sizes_of_the_library()
    {
        Assert.That(sizeof(LDaeCore.Engine.Interop.CublasLtCandidate), Is.EqualTo(96));
        Assert.That(sizeof(LDaeCore.Engine.Interop.CublasLtAlgorithm), Is.EqualTo(64));
        Assert.That(sizeof(LDaeCore.Engine.Interop.NcclUniqueId), Is.EqualTo(128));
    }
}

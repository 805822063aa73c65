using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Backends;

/// <summary>Normals that are drawn eight blocks at once, against those of single elements in double.</summary>
public sealed unsafe class NormalBlocksTests
{
    [TestCase(0, 1)]
    [TestCase(0, 64)]
    [TestCase(3, 200)]
    [TestCase(31, 5)]
    [TestCase(32, 33)]
    [TestCase((1L << 34) - 40, 90, TestName = "The block's number passes 32 bits")]
    [TestCase(1L << 45, 40)]
    public void Each_normal_is_that_of_its_element_wherever_the_row_begins(long first, int count)
    {
        const ulong seed = 0x1234567890ABCDEF;
        const uint step = 77;
        const float untouched = 99;
        var row = new float[count + 2];
        Array.Fill(row, untouched);
        fixed (float* to = row)
        {
            NormalBlocks.Fill(seed, RandomStream.Noise, step, first, to + 1, count);
        }

        Assert.That((row[0], row[^1]), Is.EqualTo((untouched, untouched)), "no place beside the row is written");
        for (var i = 0; i < count; i++)
        {
            var element = first + i;
            var (x, y, z, w) = Philox.Block(seed, RandomStream.Noise, step, (ulong)(element / 4));
            var (even, odd) = element % 4 < 2 ? Philox.Normals<double>(x, y) : Philox.Normals<double>(z, w);
            Assert.That(row[i + 1], Is.EqualTo(element % 2 == 0 ? even : odd).Within(2e-6), $"element {element}");
        }
    }
}

using LDaeCore.Engine.Backends.Cuda;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>How attention is cut into blocks, for every head size and length, on small and large GPUs.</summary>
public sealed class AttentionTilingTests
{
    // Shared memory that a block can have: consumer Ampere and Ada, A100, H100.
    private const int Small = 99 * 1024, A100 = 163 * 1024, H100 = 227 * 1024;

    [Test]
    public void Blocks_cover_the_tokens_and_fit(
        [Values(16, 32, 48, 64, 80, 96, 112, 128)] int size, [Values(Small, A100, H100)] int limit)
    {
        for (var tokens = 1; tokens <= 1024; tokens++)
        {
            var tiling = new AttentionTiling(size, tokens, limit);
            Hold(tiling.Forward, 16 * tiling.RowTiles, 4);
            Hold(tiling.BackwardKeys, 16 * tiling.KeyTiles, 8);
            Hold(tiling.BackwardQueries, 16, 4);
            Assert.That(tiling.Resident, Is.Not.True.Or.EqualTo(tiling.BackwardKeys.Blocks == 1), $"{tokens} tokens");

            void Hold(AttentionTiling.Cut cut, int rows, int mostWarps)
            {
                Assert.That(cut.Warps, Is.InRange(1, mostWarps), $"{tokens} tokens");
                Assert.That(cut.Blocks * cut.Warps * rows, Is.GreaterThanOrEqualTo(tokens), $"{tokens} tokens");
                Assert.That((cut.Blocks - 1) * cut.Warps * rows, Is.LessThan(tokens), $"{tokens} tokens: a block without rows");
                Assert.That(cut.SharedBytes, Is.LessThanOrEqualTo(limit), $"{tokens} tokens");
            }
        }
    }

    [TestCase(256, 64, A100, true)]
    [TestCase(256, 32, A100, true)]
    [TestCase(257, 64, H100, false)]
    [TestCase(128, 80, A100, true)]
    [TestCase(129, 80, A100, false)]
    [TestCase(128, 128, A100, true)]
    [TestCase(256, 64, Small, false)]
    [TestCase(64, 64, Small, true)]
    public void The_backward_is_one_launch_where_a_block_holds_the_head(int tokens, int size, int limit, bool resident) =>
        Assert.That(new AttentionTiling(size, tokens, limit).Resident, Is.EqualTo(resident));

    /// <summary>The case that matters most: two blocks a head forward, and two of them fit on a multiprocessor of an H100; one block a head backward.</summary>
    [Test]
    public void At_256_tokens_and_64_columns()
    {
        var tiling = new AttentionTiling(64, 256, H100);
        Assert.That(tiling.Forward, Is.EqualTo(new AttentionTiling.Cut(4, 2, 80 * 1024)));
        Assert.That(tiling.BackwardKeys, Is.EqualTo(new AttentionTiling.Cut(8, 1, 130 * 1024)));
    }
}

using LDaeCore.Engine.Backends.Cuda;

namespace LDaeCore.Tests.Cuda;

/// <summary>The constants that the attention kernels are compiled with, for every head size that the tensor cores take and some that they do not.</summary>
internal static class AttentionSpecialisations
{
    private const int AnyLength = 256, SharedLimit = 163 * 1024;

    /// <summary>Families and their constants.</summary>
    public static IEnumerable<(string Family, (string Name, int Value)[] Constants)> All =>
    [
        .. OfSizes([16, 32, 48, 64, 80, 96, 112, 128], Forward),
        .. OfSizes([16, 32, 48, 64, 80, 96, 112, 128], size => Backward(size, resident: 0)),
        .. OfSizes([16, 32, 48, 64, 80, 96, 112, 128], size => Backward(size, resident: 1)),
        .. OfSizes([16, 32, 48, 64, 80, 96, 112, 128, 256], size => Plain(size, bf16: 0)),
        .. OfSizes([3, 5, 12], size => Plain(size, bf16: 1)),
    ];

    private static IEnumerable<(string Family, (string Name, int Value)[] Constants)> OfSizes(
        int[] sizes, Func<int, (string Family, (string Name, int Value)[] Constants)> one) => sizes.Select(one);

    private static (string Family, (string Name, int Value)[] Constants) Forward(int size)
    {
        var tiling = new AttentionTiling(size, AnyLength, SharedLimit);
        return ("attention_forward", [("LDAE_BF16", 1), ("HEAD_SIZE", size), ("ROW_TILES", tiling.RowTiles), ("STAGES", tiling.Stages)]);
    }

    private static (string Family, (string Name, int Value)[] Constants) Backward(int size, int resident)
    {
        var tiling = new AttentionTiling(size, AnyLength, SharedLimit);
        return ("attention_backward", [("LDAE_BF16", 1), ("HEAD_SIZE", size), ("KEY_TILES", tiling.KeyTiles), ("RESIDENT", resident)]);
    }

    private static (string Family, (string Name, int Value)[] Constants) Plain(int size, int bf16) =>
        ("attention_plain", [("LDAE_BF16", bf16), ("HEAD_SIZE", size)]);
}

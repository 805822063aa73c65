using System.Runtime.InteropServices;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// How patches are spread over lanes that keep them in registers (kernels/common/projection.cuh): a group of <paramref name="Lanes"/> lanes
/// holds <paramref name="Rows"/> patches, <paramref name="Quads"/> quads of four values a lane and patch.
/// </summary>
/// <param name="Lanes">PATCH_LANES of the kernels.</param>
/// <param name="Quads">PATCH_QUADS of the kernels.</param>
/// <param name="Rows">PATCH_ROWS of the kernels.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct PatchShape(int Lanes, int Quads, int Rows)
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 128;

    /// <summary>Longest patch: 32 x 32 pixels of three channels fill the registers of a warp.</summary>
    public const int MostColumns = 3072;

    /// <summary>Patches of a block.</summary>
    public int BlockPatches => Threads / Lanes * Rows;

    /// <summary>The shape for patches of a length.</summary>
    /// <param name="columns">Values of a patch.</param>
    public static PatchShape Of(int columns)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(columns, MostColumns);
        var quads = (columns + 3) / 4;
        return quads switch
        {
            <= 16 => new(8, (quads + 7) / 8, 4),
            <= 48 => new(16, (quads + 15) / 16, 4),
            <= 192 => new(32, (quads + 31) / 32, 4),
            <= 384 => new(32, (quads + 31) / 32, 2),
            _ => new(32, (quads + 31) / 32, 1),
        };
    }

    /// <summary>Shared memory of a block's latents.</summary>
    /// <param name="components">Components that are projected on.</param>
    public int SharedBytes(int components)
    {
        var together = Lanes / Rows;
        return Threads * ((components + together - 1) / together) * sizeof(float);
    }
}

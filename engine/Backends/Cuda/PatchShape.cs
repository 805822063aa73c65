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

    /// <summary>Patches of a block.</summary>
    public int BlockPatches => Threads / Lanes * Rows;

    /// <summary>
    /// All shapes, for patches of up to 64, 192, 768 and 3072 values: few lanes with several patches for short ones, so that a component
    /// that was read serves several; one patch where it alone fills the registers. Few shapes, as each is compiled by itself.
    /// </summary>
    public static ReadOnlySpan<PatchShape> All => new PatchShape[] { new(8, 2, 4), new(16, 3, 4), new(32, 6, 4), new(32, 24, 1) };

    /// <summary>The shape for patches of a length.</summary>
    /// <param name="columns">Values of a patch.</param>
    public static PatchShape Of(int columns)
    {
        foreach (var shape in All)
        {
            if (columns <= 4 * shape.Quads * shape.Lanes)
            {
                return shape;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(columns), columns, "Patches of more than 3072 values do not fit the registers of a warp.");
    }

    /// <summary>Shared memory of a block's latents.</summary>
    /// <param name="components">Components that are projected on.</param>
    public int SharedBytes(int components)
    {
        var together = Lanes / Rows;
        return Threads * ((components + together - 1) / together) * sizeof(float);
    }
}

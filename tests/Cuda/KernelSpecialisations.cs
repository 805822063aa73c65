using LDaeCore.Engine.Backends.Cuda;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// Every kernel family with every set of constants that the backend compiles it with: what the compiler gate holds against the
/// budget. A family's kernels and their constants are added here with the family.
/// </summary>
internal static class KernelSpecialisations
{
    private static readonly int[] Types = [0, 1];

    /// <summary>Families and their constants.</summary>
    public static IEnumerable<(string Family, (string Name, int Value)[] Constants)> All =>
    [
        .. Types.Select(bf16 => ("elementwise", Constants(("LDAE_BF16", bf16)))),
        .. Types.SelectMany(bf16 => Types.Select(bias => ("epilogue", Constants(("LDAE_BF16", bf16), ("BIAS_BF16", bias))))),
        .. from family in (string[])["gelu", "timestep", "patchify", "losses", "batchnorm", "crop", "covariance", "gaussian", "identity_noise", "wide_projection"]
           from bf16 in Types
           select (family, Constants(("LDAE_BF16", bf16))),
        ("optimizer", []),
        .. from family in (string[])["rows", "convolution", "groupnorm", "resample"]
           from bf16 in Types
           from aligned in Types
           select (family, Constants(("LDAE_BF16", bf16), ("LDAE_ALIGNED", aligned))),
        .. from bf16 in Types from aligned in Types from shape in RowShape.Forwards.ToArray() select ("layernorm", Rows(bf16, aligned, shape)),
        .. from bf16 in Types
           from aligned in Types
           from shape in RowShape.Backwards(bf16 == 1 ? 8 : 4).ToArray()
           select ("layernorm_backward", Rows(bf16, aligned, shape)),
        .. from family in (string[])["latent_noise", "pca_loss"]
           from bf16 in Types
           from aligned in Types
           from shape in PatchShape.All.ToArray()
           select (family, Patches(bf16, aligned, shape)),
        .. AttentionSpecialisations.All,
    ];

    private static (string Name, int Value)[] Rows(int bf16, int aligned, RowShape shape) =>
        Constants(("LDAE_BF16", bf16), ("LDAE_ALIGNED", aligned), ("ROW_THREADS", shape.Threads), ("ROW_PACKS", shape.Packs));

    private static (string Name, int Value)[] Patches(int bf16, int aligned, PatchShape shape) => Constants(
        ("LDAE_BF16", bf16), ("LDAE_ALIGNED", aligned), ("PATCH_LANES", shape.Lanes), ("PATCH_QUADS", shape.Quads), ("PATCH_ROWS", shape.Rows));

    private static (string Name, int Value)[] Constants(params (string Name, int Value)[] constants) => constants;
}

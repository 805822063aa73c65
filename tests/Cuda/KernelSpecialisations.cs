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
        .. AttentionSpecialisations.All,
    ];

    private static (string Name, int Value)[] Constants(params (string Name, int Value)[] constants) => constants;
}

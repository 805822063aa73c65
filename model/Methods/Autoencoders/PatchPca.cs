using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Numerics;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// The principal components of an image's patches (paper, section 4.2): mean removed, eigenvectors of the covariance in float64 by falling
/// eigenvalue, signs fixed. A patch is flattened in the order (row, column, channel).
/// </summary>
public sealed class PatchPca
{
    /// <summary>Share of the energy that the default number of components comes nearest to.</summary>
    public const double DefaultEnergy = 0.965;

    // Below this share of the largest eigenvalue a component is rounding noise of float32 pixels, and is not blown up to unit variance.
    private const double SmallestShare = 1e-10;

    private const string MeanName = "pca.mean", BasisName = "pca.basis", EigenvaluesName = "pca.eigenvalues";

    private PatchPca(int patchSize, double[] mean, double[] eigenvalues, double[] basis) =>
        (PatchSize, Mean, Eigenvalues, Basis) = (patchSize, mean, eigenvalues, basis);

    /// <summary>Side of a patch, in pixels.</summary>
    public int PatchSize { get; }

    /// <summary>D, numbers in a patch: three for each pixel.</summary>
    public int Dimensions => Mean.Length;

    /// <summary>Mean patch [D].</summary>
    public double[] Mean { get; }

    /// <summary>Variances of the components [D], falling, none below zero; in squared pixel values.</summary>
    public double[] Eigenvalues { get; }

    /// <summary>Components as orthonormal rows [D, D].</summary>
    public double[] Basis { get; }

    /// <summary>Decomposes the covariance of patches.</summary>
    /// <param name="covariance">Of patches of three channels.</param>
    /// <returns>The components.</returns>
    /// <exception cref="LdaeException">Data: there are no patches.</exception>
    /// <exception cref="ArgumentException">The rows are no square patches of three channels.</exception>
    public static PatchPca Fit(Covariance covariance)
    {
        var side = SideOf(covariance.Dimensions)
            ?? throw new ArgumentException($"{covariance.Dimensions} numbers are no square patch of three channels.", nameof(covariance));
        if (covariance.Count == 0)
        {
            throw new LdaeException(
                ErrorKind.Data, "There is no patch to find principal components of.", "Give --data with at least one image as large as a patch.");
        }

        var eigen = SymmetricEigen.Decompose(covariance.Matrix(), covariance.Dimensions);

        // A covariance has no negative eigenvalues; rounding leaves some at -1e-15 of the largest.
        return new PatchPca(side, covariance.Mean(), [.. eigen.Values.Select(v => Math.Max(v, 0))], eigen.Vectors);
    }

    /// <summary>Fits to patches that come in blocks.</summary>
    /// <param name="patchSize">Side of a patch, in pixels.</param>
    /// <param name="blocks">Each holds whole patches [count, D].</param>
    /// <returns>The components.</returns>
    /// <exception cref="LdaeException">Data: there are no patches.</exception>
    public static PatchPca Fit(int patchSize, IEnumerable<ReadOnlyMemory<float>> blocks)
    {
        var covariance = new Covariance(patchSize * patchSize * PatchPixels.Channels);
        foreach (var block in blocks)
        {
            covariance.Add(block.Span, block.Length / covariance.Dimensions);
        }

        return Fit(covariance);
    }

    /// <summary>Reads what <see cref="ToTensors"/> wrote.</summary>
    /// <param name="file">The file.</param>
    /// <returns>The components.</returns>
    /// <exception cref="LdaeException">Data: something is missing or does not fit together.</exception>
    public static PatchPca Load(SafetensorsFile file)
    {
        var (mean, eigenvalues, basis) = (file.ReadDoubles(MeanName), file.ReadDoubles(EigenvaluesName), file.ReadDoubles(BasisName));
        var d = mean.Length;
        if (SideOf(d) is not { } side)
        {
            throw Bad(file, $"'{MeanName}' has {d} numbers, which is no square patch of three channels");
        }

        if (eigenvalues.Length != d || basis.LongLength != (long)d * d)
        {
            var found = $"'{EigenvaluesName}' has {eigenvalues.Length} and '{BasisName}' {basis.Length} numbers";
            throw Bad(file, $"{found}, where '{MeanName}' of {d} asks for {d} and {(long)d * d}");
        }

        if (!mean.All(double.IsFinite) || !basis.All(double.IsFinite))
        {
            throw Bad(file, $"'{MeanName}' or '{BasisName}' holds a number that is not finite");
        }

        for (var i = 0; i < d; i++)
        {
            if (!double.IsFinite(eigenvalues[i]) || eigenvalues[i] < 0 || (i > 0 && eigenvalues[i] > eigenvalues[i - 1]))
            {
                throw Bad(file, $"'{EigenvaluesName}' holds {eigenvalues[i]} at {i}, where finite numbers fall and none is below zero");
            }
        }

        return new PatchPca(side, mean, eigenvalues, basis);
    }

    /// <summary>The tensors that hold the components in a checkpoint: pca.mean, pca.eigenvalues, pca.basis.</summary>
    /// <returns>Three tensors of F64.</returns>
    public IReadOnlyList<SafetensorsTensor> ToTensors() =>
    [
        SafetensorsTensor.F64(MeanName, Mean, Dimensions),
        SafetensorsTensor.F64(EigenvaluesName, Eigenvalues, Dimensions),
        SafetensorsTensor.F64(BasisName, Basis, Dimensions, Dimensions),
    ];

    /// <summary>Share of the variance in the first components.</summary>
    /// <param name="d">Number of components, 0 to D.</param>
    /// <returns>0 to 1; 1 if there is no variance at all.</returns>
    public double KeptEnergy(int d)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(d);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(d, Dimensions);
        var total = Eigenvalues.Sum();
        return total > 0 ? Eigenvalues.Take(d).Sum() / total : 1;
    }

    /// <summary>
    /// How many components are kept by default: 32 of 768, 8 of 48, else the multiple of four whose kept energy is nearest 96.5 %
    /// (the smaller of two equals; all components where there are fewer than four).
    /// </summary>
    /// <returns>d, 1 to D.</returns>
    public int DefaultDimension()
    {
        switch (Dimensions)
        {
            case 768: return 32;
            case 48: return 8;
            case < 4: return Dimensions;
        }

        var best = 4;
        for (var d = 8; d <= Dimensions; d += 4)
        {
            if (Math.Abs(KeptEnergy(d) - DefaultEnergy) < Math.Abs(KeptEnergy(best) - DefaultEnergy))
            {
                best = d;
            }
        }

        return best;
    }

    /// <summary>The first components.</summary>
    /// <param name="d">How many, 1 to D.</param>
    /// <returns>Rows [d, D].</returns>
    public ReadOnlySpan<double> Kept(int d)
    {
        CheckKept(d);
        return Basis.AsSpan(0, d * Dimensions);
    }

    /// <summary>
    /// What each kept latent is divided by (and multiplied by on the way back): the square root of the mean of the first d eigenvalues,
    /// of each of them, or one. Components without variance to speak of are divided by 1e-5 of the largest standard deviation instead.
    /// </summary>
    /// <param name="kind">Which scale.</param>
    /// <param name="d">Number of kept components, 1 to D.</param>
    /// <returns>[d], all above zero.</returns>
    public double[] LatentScale(LatentScaleKind kind, int d)
    {
        CheckKept(d);
        var largest = Eigenvalues[0];
        var std = new double[d];
        for (var i = 0; i < d; i++)
        {
            std[i] = (kind, largest) switch
            {
                (LatentScaleKind.None, _) or (_, 0) => 1,
                (LatentScaleKind.Global, _) => Math.Sqrt(Eigenvalues.Take(d).Average()),
                (LatentScaleKind.Whiten, _) => Math.Sqrt(Math.Max(Eigenvalues[i], SmallestShare * largest)),
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown scale."),
            };
        }

        return std;
    }

    private static int? SideOf(int dimensions)
    {
        var side = (int)Math.Round(Math.Sqrt(dimensions / (double)PatchPixels.Channels));
        return side >= 1 && side * side * PatchPixels.Channels == dimensions ? side : null;
    }

    private static LdaeException Bad(SafetensorsFile file, string what) =>
        new(ErrorKind.Data, $"{file.Path}: {what}.", "Give a checkpoint written by ldae, or fit the components again.");

    private void CheckKept(int d)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(d, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(d, Dimensions);
    }
}

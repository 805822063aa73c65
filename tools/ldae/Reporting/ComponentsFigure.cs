using LDaeCore.Model.Methods.Autoencoders;

namespace LDaeCore.Runner.Reporting;

/// <summary>The principal components that a tokenizer was fitted with, as its run keeps them for the report.</summary>
internal static class ComponentsFigure
{
    private const int Most = 32;

    /// <summary>Filters as strips of eight, and the share of the variance along each component.</summary>
    /// <param name="pca">The components.</param>
    /// <param name="kept">How many the tokenizer keeps.</param>
    public static CommandResult Of(PatchPca pca, int kept)
    {
        var total = pca.Eigenvalues.Sum();
        return new CommandResult()
            .Add("patch", pca.PatchSize)
            .Add("dimensions", pca.Dimensions)
            .Add("shown", Math.Min(Most, pca.Dimensions))
            .Add("kept", kept)
            .Add("kept_energy", pca.KeptEnergy(kept))
            .Add("energies", pca.Eigenvalues.Select(value => total > 0 ? value / total : 0))
            .Add("png", Convert.ToBase64String(Pictures.Components(pca, Math.Min(Most, pca.Dimensions))));
    }
}

using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Training;

namespace LDaeCore.Runner.Reporting;

/// <summary>The figures of a run folder: one JSON file each, with its pictures as base64, so that a figure is complete or missing.</summary>
internal static class FigureFiles
{
    /// <summary>The same few images denoised at several steps of training.</summary>
    public const string Denoising = "denoising";

    /// <summary>The tokenizer's principal components.</summary>
    public const string Components = "components";

    /// <summary>Test images with the training images of the most similar features.</summary>
    public const string Neighbours = "neighbours";

    /// <summary>The confusion matrix of a linear probe.</summary>
    public const string Confusion = "confusion";

    /// <summary>The path of a figure.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="name">One of the names of this type.</param>
    public static string PathOf(string folder, string name) => Path.Combine(folder, RunFiles.Figures, name + ".json");

    /// <summary>Writes a figure.</summary>
    public static void Write(string folder, string name, CommandResult figure)
    {
        Directory.CreateDirectory(Path.Combine(folder, RunFiles.Figures));
        AtomicFile.WriteText(PathOf(folder, name), figure.ToJson());
    }

    /// <summary>Numbers as a JSON list.</summary>
    public static CommandResult Add(this CommandResult figure, string name, IEnumerable<double> values) => figure.Add(name, writer =>
    {
        writer.WriteStartArray();
        foreach (var value in values)
        {
            writer.WriteNumberValue(value);
        }

        writer.WriteEndArray();
    });
}

/// <summary>The figure of a tokenizer's principal components.</summary>
internal static class ComponentsFigure
{
    private const int Most = 32;

    /// <summary>Filters as strips of eight, and the share of the variance along each component.</summary>
    /// <param name="pca">The components.</param>
    /// <param name="kept">Number that the tokenizer keeps.</param>
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

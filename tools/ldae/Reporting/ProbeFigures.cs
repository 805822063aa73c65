using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;

namespace LDaeCore.Runner.Reporting;

/// <summary>A probe's figures for the report: neighbours of a few test images, and the confusion matrix.</summary>
internal static class ProbeFigures
{
    private const int Queries = 8, Neighbours = 5, MostSide = 64, MostMistakes = 15;

    /// <summary>Most classes with a whole matrix; a larger one would not be legible.</summary>
    public const int MostClasses = 25;

    /// <summary>The training images nearest to the first test image of each of eight classes.</summary>
    /// <param name="folder">The folder of the figure.</param>
    /// <param name="comparison">The images.</param>
    /// <param name="features">Of the training and of the test images.</param>
    public static void WriteNeighbours(string folder, EncoderComparison comparison, (FeatureSet Training, FeatureSet Test) features)
    {
        var rows = Enumerable.Range(0, features.Test.Count).DistinctBy(row => features.Test.Labels[row]).OrderBy(row => features.Test.Labels[row]).ToArray();
        rows = [.. Enumerable.Range(0, Math.Min(Queries, rows.Length)).Select(i => rows[(int)((long)i * rows.Length / Math.Min(Queries, rows.Length))])];
        var nearest = comparison.Nearest(features, rows, Neighbours);
        var names = comparison.TestImages.ClassNames;
        var side = Math.Min(comparison.ImageSize, MostSide);
        FigureFiles.Write(folder, FigureFiles.Neighbours, new CommandResult()
            .Add("neighbours", nearest[0].Length)
            .Add("training_images", features.Training.Count)
            .Add("queries", rows.Select((row, i) => new CommandResult()
                .Add("class", names[features.Test.Labels[row]])
                .Add("png", Convert.ToBase64String(Pictures.Strip(
                    [
                        Thumbnail(comparison.TestImages, features.Test.Indices[row], side),
                        .. nearest[i].Select(near => Thumbnail(comparison.TrainingImages, features.Training.Indices[near.Index], side)),
                    ],
                    side)))
                .Add("nearest", nearest[i].Select(near => new CommandResult()
                    .Add("class", comparison.TrainingImages.ClassNames[features.Training.Labels[near.Index]])
                    .Add("similarity", Math.Round(near.Similarity, 3)))))));
    }

    /// <summary>The confusions of a linear probe.</summary>
    /// <param name="folder">The folder of the figure.</param>
    /// <param name="test">Features of the test images.</param>
    /// <param name="found">The probe's result.</param>
    /// <param name="names">Names of the classes.</param>
    /// <param name="seed">Seed of the probe.</param>
    public static void WriteConfusion(string folder, FeatureSet test, ProbeResult found, IReadOnlyList<string> names, ulong seed)
    {
        var matrix = new ConfusionMatrix(test.Labels, found.Predicted, names.Count);
        var all = Enumerable.Range(0, names.Count);
        var figure = new CommandResult()
            .Add("images", test.Count)
            .Add("seed", (long)seed)
            .Add("top1", Math.Round(found.Test.Top1, 2))
            .Add("class_count", names.Count)
            .Add("mistakes", matrix.Mistakes(MostMistakes).Select(mistake => new CommandResult()
                .Add("class", names[mistake.Truth])
                .Add("taken_for", names[mistake.Predicted])
                .Add("count", mistake.Count)
                .Add("images", matrix.Images(mistake.Truth))));
        if (names.Count <= MostClasses)
        {
            figure
                .Add("classes", names)
                .Add("counts", all.Select(truth => new CommandResult().Add("row", all.Select(predicted => (double)matrix[truth, predicted]))));
        }

        FigureFiles.Write(folder, FigureFiles.Confusion, figure);
    }

    /// <summary>Copies a probe's figures to the run that was probed.</summary>
    /// <param name="from">Folder of the probe.</param>
    /// <param name="to">Folder of the run.</param>
    public static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.Combine(to, Model.Training.RunFiles.Figures));
        foreach (var name in (string[])[FigureFiles.Neighbours, FigureFiles.Confusion])
        {
            if (File.Exists(FigureFiles.PathOf(from, name)))
            {
                File.Copy(FigureFiles.PathOf(from, name), FigureFiles.PathOf(to, name), overwrite: true);
            }
        }
    }

    private static byte[] Thumbnail(IImageSource source, int index, int side)
    {
        var pixels = new byte[side * side * 3];
        Augmentation.Center(source.Decode(index), side, pixels);
        return pixels;
    }
}

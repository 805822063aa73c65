using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>The training patches that the principal components are fitted to, and the identity is scaled by.</summary>
public static class PatchSample
{
    // Decoding is what costs on large data sets; neighbours in an image are less alike than their number suggests.
    private const int MostImages = 20_000;

    /// <summary>Fits the components to random patches of the training images; see <see cref="Statistics"/>.</summary>
    /// <param name="recipe">The recipe: patch size, number of patches, image size and range, seed.</param>
    /// <param name="source">The images.</param>
    /// <param name="indices">Training images.</param>
    /// <param name="workers">Threads that decode.</param>
    /// <param name="bad">Counts unreadable images, which are left out; none is allowed when not given.</param>
    /// <param name="backend">The device that may sum them; the host when not given.</param>
    /// <param name="cancellation">Asks to stop before the next batch.</param>
    /// <returns>The components.</returns>
    public static PatchPca Fit(
        Recipe recipe, IImageSource source, int[] indices, int workers, BadSamples? bad = null, IBackend? backend = null, CancellationToken cancellation = default) =>
        PatchPca.Fit(Statistics(recipe, source, indices, workers, bad, backend, cancellation));

    /// <summary>Mean and covariance of random patches of the training images, or of all of them where there are fewer than asked for.</summary>
    /// <param name="recipe">The recipe: patch size, number of patches, image size and range, seed.</param>
    /// <param name="source">The images.</param>
    /// <param name="indices">Training images.</param>
    /// <param name="workers">Threads that decode.</param>
    /// <param name="bad">Counts unreadable images, which are left out; none is allowed when not given.</param>
    /// <param name="backend">The device that may sum them; the host when not given.</param>
    /// <param name="cancellation">Asks to stop before the next batch.</param>
    /// <returns>Of patches.</returns>
    public static Covariance Statistics(
        Recipe recipe, IImageSource source, int[] indices, int workers, BadSamples? bad = null, IBackend? backend = null, CancellationToken cancellation = default)
    {
        var (patch, side) = (recipe.Tokenizer.Patch, recipe.Data.ImageSize);
        var grid = side / patch;
        var chosen = Choose(indices, recipe.Train.Seed);
        var perImage = Math.Min(grid * grid, (recipe.Tokenizer.SamplePatches + chosen.Length - 1) / chosen.Length);
        var size = recipe.Tokenizer.PatchValues;
        using var covariance = backend?.SumCovariance(size) ?? new HostCovarianceSums(size);
        var range = PixelRange.Of(recipe.Data.Range);
        foreach (var batch in CenterBatches.Read(source, chosen, side, workers: workers, bad: bad, cancellation: cancellation))
        {
            var patches = new float[batch.Count * perImage * recipe.Tokenizer.PatchValues];
            for (var i = 0; i < batch.Count; i++)
            {
                var places = Places(grid * grid, perImage, recipe.Train.Seed, batch.Indices[i]);
                for (var p = 0; p < perImage; p++)
                {
                    Copy(batch.Image(i), side, patch, places[p] % grid, places[p] / grid, range, patches.AsSpan(((i * perImage) + p) * recipe.Tokenizer.PatchValues));
                }
            }

            covariance.Add(patches, batch.Count * perImage);
        }

        return covariance.Result();
    }

    internal static int[] Choose(int[] indices, ulong seed) => indices.Length <= MostImages
        ? indices
        : [.. indices.OrderBy(i => Philox.Word(seed, RandomStream.Patches, 0, (ulong)i)).ThenBy(i => i).Take(MostImages).Order()];

    /// <summary>Different places of an image's grid: the first of a shuffled order.</summary>
    private static int[] Places(int count, int wanted, ulong seed, int image)
    {
        var places = Enumerable.Range(0, count).ToArray();
        for (var i = 0; i < Math.Min(wanted, count - 1); i++)
        {
            var j = i + (int)Philox.Below(Philox.Word(seed, RandomStream.Patches, 1 + (uint)image, (ulong)i), (uint)(count - i));
            (places[i], places[j]) = (places[j], places[i]);
        }

        return places;
    }

    private static void Copy(ReadOnlySpan<byte> image, int side, int patch, int column, int row, PixelRange range, Span<float> to)
    {
        var at = 0;
        for (var y = 0; y < patch; y++)
        {
            for (var x = 0; x < patch; x++)
            {
                for (var c = 0; c < 3; c++)
                {
                    var value = image[(((((row * patch) + y) * side) + (column * patch) + x) * 3) + c];
                    to[at++] = (float)((value * range.Factor[c]) + range.Offset[c]);
                }
            }
        }
    }
}

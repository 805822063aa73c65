using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>
/// A tokenizer that is linear in a patch: z = V (p - mean) / s, p = U (s z) + c. Principal components have orthonormal rows and U = V^T, c = mean; the
/// identity has V = U = I; an autoencoder learnt both, and c is what its decoder makes of the mean patch's code.
/// </summary>
public sealed class PatchTokenizer : FittedTokenizer
{
    private const string MeanName = "tokenizer.mean", StdName = "tokenizer.std", EncoderName = "tokenizer.encoder";
    private const string DecoderName = "tokenizer.decoder", OffsetName = "tokenizer.offset";

    // Below this share of the largest variance a latent is rounding noise, and is not blown up to unit variance.
    private const double SmallestShare = 1e-10;

    private PatchTokenizer(TokenizerKind kind, int patch, double[] mean, double[] std, double[]? encoder, double[]? decoder, double[] offset, PatchPca? pca = null) =>
        (Kind, Patch, Mean, Std, Encoder, Decoder, Offset, Pca) = (kind, patch, mean, std, encoder, decoder, offset, pca);

    /// <inheritdoc/>
    public override TokenizerKind Kind { get; }

    /// <inheritdoc/>
    public override int Dim => Std.Length;

    /// <inheritdoc/>
    public override PatchPca? Pca { get; }

    /// <summary>Side of a patch.</summary>
    public int Patch { get; }

    /// <summary>Mean patch [D].</summary>
    public double[] Mean { get; }

    /// <summary>s [d].</summary>
    public double[] Std { get; }

    /// <summary>c [D].</summary>
    public double[] Offset { get; }

    /// <summary>V [d, D]; null for the identity.</summary>
    public double[]? Encoder { get; }

    /// <summary>U [D, d]; null for the identity.</summary>
    public double[]? Decoder { get; }

    /// <summary>The first principal components.</summary>
    /// <param name="pca">The components.</param>
    /// <param name="dim">How many, d.</param>
    /// <param name="scale">How their latents are scaled.</param>
    /// <returns>The tokenizer.</returns>
    public static PatchTokenizer Of(PatchPca pca, int dim, LatentScaleKind scale)
    {
        var encoder = pca.Kept(dim).ToArray();
        return new PatchTokenizer(TokenizerKind.Pca, pca.PatchSize, pca.Mean, pca.LatentScale(scale, dim), encoder, Transposed(encoder, dim), pca.Mean, pca);
    }

    /// <summary>The pixels themselves.</summary>
    /// <param name="covariance">Of patches.</param>
    /// <param name="patch">Side of a patch.</param>
    /// <param name="scale">How they are scaled.</param>
    /// <returns>The tokenizer.</returns>
    public static PatchTokenizer Identity(Covariance covariance, int patch, LatentScaleKind scale)
    {
        var (matrix, d) = (covariance.Matrix(), covariance.Dimensions);
        var mean = covariance.Mean();
        return new PatchTokenizer(TokenizerKind.Identity, patch, mean, ScaleOf([.. Enumerable.Range(0, d).Select(i => matrix[(i * d) + i])], scale), null, null, mean);
    }

    /// <summary>A linear autoencoder, h = V p + b and p = U h + c; its latents are shifted and scaled by their mean and variance on patches.</summary>
    /// <param name="kind">Which kind of autoencoder it was trained as.</param>
    /// <param name="covariance">Of patches.</param>
    /// <param name="patch">Side of a patch.</param>
    /// <param name="scale">How its latents are scaled.</param>
    /// <param name="encoder">V [d, D] and b [d].</param>
    /// <param name="decoder">U [D, d] and c [D].</param>
    /// <returns>The tokenizer.</returns>
    public static PatchTokenizer Of(
        TokenizerKind kind, Covariance covariance, int patch, LatentScaleKind scale, (double[] Weight, double[] Bias) encoder, (double[] Weight, double[] Bias) decoder)
    {
        int size = covariance.Dimensions, dim = encoder.Bias.Length;
        var (matrix, mean) = (covariance.Matrix(), covariance.Mean());
        var variances = new double[dim];
        var offset = (double[])decoder.Bias.Clone();
        for (var k = 0; k < dim; k++)
        {
            var row = encoder.Weight.AsSpan(k * size, size);
            var code = encoder.Bias[k];
            for (var i = 0; i < size; i++)
            {
                var product = 0.0;
                for (var j = 0; j < size; j++)
                {
                    product += matrix[(i * size) + j] * row[j];
                }

                variances[k] += row[i] * product;
                code += row[i] * mean[i];
            }

            for (var i = 0; i < size; i++)
            {
                offset[i] += decoder.Weight[(i * dim) + k] * code;
            }
        }

        return new PatchTokenizer(kind, patch, mean, ScaleOf(variances, scale), encoder.Weight, decoder.Weight, offset);
    }

    /// <summary>A tokenizer of the right sizes whose numbers are zero, to walk a step on a planning device.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="dim">Latents of a token.</param>
    /// <returns>The tokenizer.</returns>
    public static PatchTokenizer Zeros(TokenizerRecipe recipe, int dim)
    {
        var size = recipe.PatchValues;
        double[]? Matrix() => recipe.Kind == TokenizerKind.Identity ? null : new double[dim * size];
        return new PatchTokenizer(recipe.Kind, recipe.Patch, new double[size], new double[dim], Matrix(), Matrix(), new double[size]);
    }

    /// <summary>Reads what <see cref="ToTensors"/> wrote, for all kinds but principal components.</summary>
    /// <param name="file">The file.</param>
    /// <param name="recipe">The recipe in it.</param>
    /// <returns>The tokenizer.</returns>
    /// <exception cref="LdaeException">Data: something is missing or does not fit the recipe.</exception>
    public static PatchTokenizer Load(SafetensorsFile file, TokenizerRecipe recipe)
    {
        var size = recipe.PatchValues;
        var std = Read(file, StdName, null);
        var (mean, full) = (Read(file, MeanName, size), (long)std.Length * size);
        if (std.Length == 0 || !std.All(s => s > 0))
        {
            throw Bad(file, $"'{StdName}' holds a number that is not above zero, or none");
        }

        return recipe.Kind == TokenizerKind.Identity
            ? new PatchTokenizer(recipe.Kind, recipe.Patch, mean, Read(file, StdName, size), null, null, mean)
            : new PatchTokenizer(recipe.Kind, recipe.Patch, mean, std, Read(file, EncoderName, full), Read(file, DecoderName, full), Read(file, OffsetName, size));
    }

    /// <inheritdoc/>
    public override ITokenizer Place(IBackend backend, Tensor range) => new PlacedPatchTokenizer(backend, this, range);

    /// <inheritdoc/>
    public override IReadOnlyList<SafetensorsTensor> ToTensors()
    {
        if (Pca is { } pca)
        {
            return pca.ToTensors();
        }

        List<SafetensorsTensor> tensors = [SafetensorsTensor.F64(MeanName, Mean, Mean.Length), SafetensorsTensor.F64(StdName, Std, Dim)];
        if (Encoder is not null)
        {
            tensors.Add(SafetensorsTensor.F64(EncoderName, Encoder, Dim, Mean.Length));
            tensors.Add(SafetensorsTensor.F64(DecoderName, Decoder!, Mean.Length, Dim));
            tensors.Add(SafetensorsTensor.F64(OffsetName, Offset, Mean.Length));
        }

        return tensors;
    }

    /// <summary>What latents are divided by, from their variances.</summary>
    /// <param name="variances">Variance of each latent.</param>
    /// <param name="kind">Which scale.</param>
    /// <returns>[d], all above zero.</returns>
    public static double[] ScaleOf(double[] variances, LatentScaleKind kind)
    {
        var largest = variances.Max();
        return [.. variances.Select(variance => (kind, largest) switch
        {
            (LatentScaleKind.None, _) or (_, <= 0) => 1,
            (LatentScaleKind.Global, _) => Math.Sqrt(variances.Average()),
            (LatentScaleKind.Whiten, _) => Math.Sqrt(Math.Max(variance, SmallestShare * largest)),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown scale."),
        })];
    }

    /// <summary>A diagonal matrix.</summary>
    /// <param name="values">Its diagonal [d].</param>
    /// <returns>[d, d].</returns>
    internal static double[] Diagonal(double[] values)
    {
        var matrix = new double[values.Length * values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            matrix[(i * values.Length) + i] = values[i];
        }

        return matrix;
    }

    private static double[] Transposed(double[] rows, int count)
    {
        var size = rows.Length / count;
        var columns = new double[rows.Length];
        for (var i = 0; i < rows.Length; i++)
        {
            columns[(i % size * count) + (i / size)] = rows[i];
        }

        return columns;
    }

    private static double[] Read(SafetensorsFile file, string name, long? count)
    {
        var values = file.ReadDoubles(name);
        return count is { } wanted && values.LongLength != wanted ? throw Bad(file, $"'{name}' has {values.Length} numbers where the recipe asks for {wanted}")
            : values.All(double.IsFinite) ? values
            : throw Bad(file, $"'{name}' holds a number that is not finite");
    }

    private static LdaeException Bad(SafetensorsFile file, string what) =>
        new(ErrorKind.Data, $"{file.Path}: {what}.", "Give a file written by ldae, or train the tokenizer again.");
}

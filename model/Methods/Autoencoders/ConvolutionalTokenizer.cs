using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>A trained <see cref="ConvolutionalVae"/> as a tokenizer: a token's code is the mean of its four latent pixels, z = (code - mean) / s.</summary>
public sealed class ConvolutionalTokenizer : FittedTokenizer
{
    private const string MeanName = "tokenizer.mean", StdName = "tokenizer.std", WeightPrefix = "tokenizer.weights.";

    // Null in a plan, whose weights are not read.
    private readonly IReadOnlyDictionary<string, float[]>? _weights;

    private ConvolutionalTokenizer(ConvolutionalVaeShape shape, double[] mean, double[] std, IReadOnlyDictionary<string, float[]>? weights) =>
        (Shape, Mean, Std, _weights) = (shape, mean, std, weights);

    /// <inheritdoc/>
    public override TokenizerKind Kind => TokenizerKind.ConvVae;

    /// <inheritdoc/>
    public override int Dim => Shape.TokenSize;

    /// <summary>Sizes of the network.</summary>
    public ConvolutionalVaeShape Shape { get; }

    /// <summary>Mean code of a token [d].</summary>
    public double[] Mean { get; }

    /// <summary>s [d].</summary>
    public double[] Std { get; }

    /// <summary>The weights as they are on a device.</summary>
    /// <param name="shape">Sizes of the network.</param>
    /// <param name="parameters">The weights.</param>
    /// <param name="mean">Mean code of a token [d].</param>
    /// <param name="std">What tokens are divided by [d].</param>
    /// <returns>The tokenizer.</returns>
    public static ConvolutionalTokenizer Of(ConvolutionalVaeShape shape, ParameterSet parameters, double[] mean, double[] std) =>
        new(shape, mean, std, parameters.All.ToDictionary(p => p.Name, p => p.Value.ReadFloats(parameters.Backend)));

    /// <summary>A tokenizer of the right sizes without weights, to walk a step on a planning device.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <returns>The tokenizer.</returns>
    public static ConvolutionalTokenizer WithoutWeights(TokenizerRecipe recipe) =>
        new(ConvolutionalVaeShape.Of(recipe), new double[recipe.Dim], [.. Enumerable.Repeat(1.0, recipe.Dim)], null);

    /// <summary>Reads what <see cref="ToTensors"/> wrote.</summary>
    /// <param name="file">The file.</param>
    /// <param name="recipe">The recipe in it.</param>
    /// <returns>The tokenizer.</returns>
    /// <exception cref="LdaeException">Data: something is missing or does not fit the recipe.</exception>
    public static ConvolutionalTokenizer Load(SafetensorsFile file, TokenizerRecipe recipe)
    {
        var shape = ConvolutionalVaeShape.Of(recipe);
        var (mean, std) = (file.ReadDoubles(MeanName), file.ReadDoubles(StdName));
        if (mean.Length != shape.TokenSize || std.Length != shape.TokenSize || !mean.All(double.IsFinite) || !std.All(s => double.IsFinite(s) && s > 0))
        {
            throw Bad(file, $"'{MeanName}' and '{StdName}' are not {shape.TokenSize} numbers each, the second above zero");
        }

        var weights = new Dictionary<string, float[]>();
        foreach (var parameter in Declared(shape).All)
        {
            var values = file.ReadFloats(WeightPrefix + parameter.Name);
            weights[parameter.Name] = values.Length != parameter.Shape.Count
                ? throw Bad(file, $"'{WeightPrefix}{parameter.Name}' has {values.Length} numbers where the recipe's network has {parameter.Shape.Count}")
                : values.All(float.IsFinite) ? values : throw Bad(file, $"'{WeightPrefix}{parameter.Name}' holds a number that is not finite");
        }

        return new ConvolutionalTokenizer(shape, mean, std, weights);
    }

    /// <inheritdoc/>
    public override ITokenizer Place(IBackend backend, Tensor range) => new PlacedConvolutionalTokenizer(backend, this, range);

    /// <inheritdoc/>
    public override IReadOnlyList<SafetensorsTensor> ToTensors()
    {
        var weights = _weights ?? throw new InvalidOperationException("A plan's tokenizer has no weights.");
        return
        [
            SafetensorsTensor.F64(MeanName, Mean, Mean.Length),
            SafetensorsTensor.F64(StdName, Std, Std.Length),
            .. Declared(Shape).All.Select(
                p => SafetensorsTensor.F32(WeightPrefix + p.Name, weights[p.Name], [.. Enumerable.Range(0, p.Shape.Rank).Select(axis => (long)p.Shape[axis])])),
        ];
    }

    /// <summary>Copies the weights to a device; those of a plan stay what they are.</summary>
    /// <param name="parameters">The parameters of a network of <see cref="Shape"/>.</param>
    internal void CopyTo(ParameterSet parameters)
    {
        if (_weights is null)
        {
            return;
        }

        foreach (var parameter in parameters.All)
        {
            parameter.Value.Write(parameters.Backend, _weights[parameter.Name].AsSpan());
        }
    }

    /// <summary>Names and sizes of the weights, without memory for them.</summary>
    private static ParameterSet Declared(ConvolutionalVaeShape shape)
    {
        var parameters = new ParameterSet(new Engine.Backends.Plan.PlanBackend(DType.F32, DType.F32));
        _ = new ConvolutionalVae(parameters, shape);
        return parameters;
    }

    private static LdaeException Bad(SafetensorsFile file, string what) =>
        new(ErrorKind.Data, $"{file.Path}: {what}.", "Give a file written by ldae, or train the tokenizer again.");
}

using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>The convolutional variational autoencoder while it is trained.</summary>
public sealed class TrainableConvolutionalVae : ITrainableTokenizer
{
    private readonly IBackend _backend;
    private readonly Recipe _recipe;
    private readonly ConvolutionalVae _network;
    private readonly PersistentTensor _range;

    /// <summary>Declares the network and allocates it; it starts from the seed.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">Side of an image and of a patch, d, channels, blocks, weight of the divergence, images of a step, seed.</param>
    public TrainableConvolutionalVae(IBackend backend, Recipe recipe)
    {
        (_backend, _recipe) = (backend, recipe);
        Parameters = new ParameterSet(backend);
        _network = new ConvolutionalVae(Parameters, ConvolutionalVaeShape.Of(recipe.Tokenizer));
        Parameters.Allocate();
        Parameters.Initialize(recipe.Train.Seed);
        _range = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        _range.Tensor.Write(backend, LatentDenoiser.RangeOf(recipe).ToArray());
    }

    /// <inheritdoc/>
    public ParameterSet Parameters { get; }

    /// <inheritdoc/>
    public void BeginStep()
    {
    }

    /// <inheritdoc/>
    public IReadOnlyList<TokenizerTerm> Loss(Tape tape, Tensor images, uint step, long firstImage) =>
        _network.Loss(tape, ConvolutionalVae.Pixels(tape, images, _range.Tensor), _recipe.Train.Seed, step, firstImage);

    /// <inheritdoc/>
    public FittedTokenizer Finish(IEnumerable<ImageBatch> images)
    {
        var (side, dim, most) = (_recipe.Data.ImageSize, _recipe.Tokenizer.Dim, _recipe.Tokenizer.TrainBatch);
        var covariance = new Covariance(dim);
        using var some = new PersistentTensor(_backend, new Shape(most, side, side, PatchPixels.Channels), DType.U8);
        using var arena = new StepArena(_backend, PlannedBytes(some.Tensor.Shape), Trainer.DefaultMode);
        var bytes = new byte[some.Tensor.Bytes];
        var imageBytes = bytes.Length / most;
        foreach (var batch in images)
        {
            for (var first = 0; first < batch.Count; first += most)
            {
                var count = Math.Min(most, batch.Count - first);
                batch.Filled.Slice(first * imageBytes, count * imageBytes).CopyTo(bytes);
                _backend.Upload<byte>(bytes, some.Tensor);
                var codes = Encode(new Tape(_backend, arena), some.Tensor);
                var rows = count * codes.Shape[1];
                covariance.Add(codes.ReadFloats(_backend).AsSpan(0, rows * dim), rows);
                arena.Reset();
            }
        }

        var matrix = covariance.Matrix();
        double[] variances = [.. Enumerable.Range(0, dim).Select(i => matrix[(i * dim) + i])];
        return ConvolutionalTokenizer.Of(_network.Shape, Parameters, covariance.Mean(), PatchTokenizer.ScaleOf(variances, _recipe.Tokenizer.Scale));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _range.Dispose();
        Parameters.Dispose();
    }

    private Tensor Encode(Tape tape, Tensor images) =>
        tape.WithoutRecording(() => [_network.Encode(tape, ConvolutionalVae.Pixels(tape, images, _range.Tensor))])[0];

    private long PlannedBytes(Shape images)
    {
        using var backend = new PlanBackend(_backend.ActivationType, _backend.ParameterType);
        using var plan = new TrainableConvolutionalVae(backend, _recipe);
        using var arena = new StepArena(backend, 0, ArenaMode.Plan);
        using var batch = new PersistentTensor(backend, images, DType.U8);
        plan.Encode(new Tape(backend, arena), batch.Tensor);
        return arena.Peak;
    }
}

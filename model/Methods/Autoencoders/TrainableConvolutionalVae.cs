using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>The convolutional variational autoencoder while it is trained.</summary>
public sealed class TrainableConvolutionalVae : IAutoencoder
{
    private readonly ConvolutionalVae _network;
    private readonly PersistentTensor _range;

    /// <summary>Declares the network and allocates it; it starts from the seed.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">Side of an image and of a patch, d, channels, blocks, weight of the divergence, images of a step, seed.</param>
    public TrainableConvolutionalVae(IBackend backend, Recipe recipe)
    {
        (Backend, Recipe) = (backend, recipe);
        Parameters = new ParameterSet(backend);
        _network = new ConvolutionalVae(Parameters, ConvolutionalVaeShape.Of(recipe.Tokenizer));
        Parameters.Allocate();
        Parameters.Initialize(recipe.Train.Seed);
        _range = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        _range.Tensor.Write(backend, PixelRange.Of(recipe.Data.Range).ToArray());
        Phases = [new Phase("autoencoder", Parameters, ConvolutionalVae.Terms(_network.Shape, recipe.Data.ImageSize), Loss)];
    }

    /// <inheritdoc/>
    public IBackend Backend { get; }

    /// <inheritdoc/>
    public Recipe Recipe { get; }

    /// <inheritdoc/>
    public MethodInput Input => new(Recipe.Data.ImageSize);

    /// <inheritdoc/>
    public IReadOnlyList<Phase> Phases { get; }

    /// <summary>What is trained.</summary>
    public ParameterSet Parameters { get; }

    /// <inheritdoc/>
    public IEncoder Encoder(ProbeRecipe probe) => new AutoencoderEncoder(this);

    /// <summary>The means of the latents.</summary>
    public Tensor Latents(Tape tape, Tensor images) => _network.Encode(tape, ConvolutionalVae.Pixels(tape, images, _range.Tensor));

    /// <inheritdoc/>
    public FittedTokenizer Finish(IEnumerable<ImageBatch> images)
    {
        var (side, dim, most) = (Recipe.Data.ImageSize, Recipe.Tokenizer.Dim, Recipe.Tokenizer.TrainBatch);
        var covariance = new Covariance(dim);
        using var some = new PersistentTensor(Backend, new Shape(most, side, side, PatchPixels.Channels), DType.U8);
        using var arena = new StepArena(Backend, PlannedBytes(some.Tensor.Shape), StepArena.DefaultMode);
        var bytes = new byte[some.Tensor.Bytes];
        var imageBytes = bytes.Length / most;
        foreach (var batch in images)
        {
            for (var first = 0; first < batch.Count; first += most)
            {
                var count = Math.Min(most, batch.Count - first);
                batch.Filled.Slice(first * imageBytes, count * imageBytes).CopyTo(bytes);
                Backend.Upload<byte>(bytes, some.Tensor);
                var tokens = Tokens(new Tape(Backend, arena), some.Tensor);
                var rows = count * tokens.Shape[1];
                covariance.Add(tokens.ReadFloats(Backend).AsSpan(0, rows * dim), rows);
                arena.Reset();
            }
        }

        var matrix = covariance.Matrix();
        double[] variances = [.. Enumerable.Range(0, dim).Select(i => matrix[(i * dim) + i])];
        return ConvolutionalTokenizer.Of(_network.Shape, Parameters, covariance.Mean(), PatchTokenizer.ScaleOf(variances, Recipe.Tokenizer.Scale));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _range.Dispose();
        Parameters.Dispose();
    }

    private IReadOnlyList<Tensor> Loss(Tape tape, MicroBatch batch) =>
        _network.Loss(tape, ConvolutionalVae.Pixels(tape, batch.Images, _range.Tensor), Recipe.Train.Seed, batch.Step, batch.FirstImage);

    private Tensor Tokens(Tape tape, Tensor images) => tape.WithoutRecording(() => [Latents(tape, images)])[0];

    private long PlannedBytes(Shape images)
    {
        using var backend = new PlanBackend(Backend.ActivationType, Backend.ParameterType);
        using var plan = new TrainableConvolutionalVae(backend, Recipe);
        using var arena = new StepArena(backend, 0, ArenaMode.Plan);
        using var batch = new PersistentTensor(backend, images, DType.U8);
        plan.Tokens(new Tape(backend, arena), batch.Tensor);
        return arena.Peak;
    }
}

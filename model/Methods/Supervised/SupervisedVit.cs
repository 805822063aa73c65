using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Supervised;

/// <summary>
/// Supervised training of a plain ViT, the size of the recipe's encoder: patches with fixed positions, <c>network.encoderDepth</c> blocks, the mean token,
/// layer normalisation, a linear head, softmax cross-entropy.
/// </summary>
public sealed class SupervisedVit : IMethod, IClassifier
{
    private readonly VisionTransformer _network;
    private readonly LinearLayer _head;
    private PersistentTensor? _labels;

    /// <summary>Declares the network and allocates it; it starts from the seed.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">The resolved recipe; <c>conditioning.classes</c> is the number of classes.</param>
    public SupervisedVit(IBackend backend, Recipe recipe)
    {
        (Backend, Recipe, Parameters) = (backend, recipe, new ParameterSet(backend));
        (_network, _head) = Declare(Parameters, recipe);
        Parameters.Allocate();
        Parameters.Initialize(recipe.Train.Seed);
        Phases = [new Phase("classifier", Parameters, [new LossTerm()], Loss)];
    }

    /// <inheritdoc/>
    public IBackend Backend { get; }

    /// <inheritdoc/>
    public Recipe Recipe { get; }

    /// <inheritdoc/>
    public MethodInput Input => new(Recipe.Data.ImageSize, Labels: true);

    /// <inheritdoc/>
    public IReadOnlyList<Phase> Phases { get; }

    /// <summary>What is trained.</summary>
    public ParameterSet Parameters { get; }

    /// <inheritdoc/>
    public int ImageSize => Recipe.Data.ImageSize;

    /// <inheritdoc/>
    public int Classes => Recipe.Conditioning.Classes;

    /// <summary>Declares network and head.</summary>
    /// <param name="parameters">Where; allocated by the caller.</param>
    /// <param name="recipe">The resolved recipe.</param>
    /// <returns>Network and head.</returns>
    internal static (VisionTransformer Network, LinearLayer Head) Declare(ParameterSet parameters, Recipe recipe) => (
        new VisionTransformer(parameters, new VitConfiguration
        {
            ImageSize = recipe.Data.ImageSize,
            Patch = recipe.Tokenizer.Patch,
            Width = recipe.Network.Width,
            Depth = recipe.Network.EncoderDepth,
            Heads = recipe.Network.Heads,
            MlpRatio = recipe.Network.MlpRatio,
            Activation = recipe.Network.Activation,
            Norm = VitNorm.Pooled,
            Range = PixelRange.Of(recipe.Data.Range),
        }),
        new LinearLayer(parameters, "head", recipe.Network.Width, recipe.Conditioning.Classes));

    /// <inheritdoc/>
    public void Allocate(int images)
    {
        _labels?.Dispose();
        _labels = new PersistentTensor(Backend, new Shape(images), DType.I32);
    }

    /// <summary>Uploads the labels: nothing is random.</summary>
    public void Sample(in StepDraw draw) => Backend.Upload<int>([.. draw.Labels], _labels!.Tensor);

    /// <inheritdoc/>
    public Tensor Logits(Tape tape, Tensor images) => _head.Apply(tape, _network.Features(tape, images));

    /// <inheritdoc/>
    public IEncoder Encoder(ProbeRecipe probe) => new VitEncoder(_network, probe.Block > 0 ? probe.Block : Recipe.Network.EncoderDepth);

    /// <inheritdoc/>
    public void Dispose()
    {
        _labels?.Dispose();
        _network.Dispose();
        Parameters.Dispose();
    }

    private IReadOnlyList<Tensor> Loss(Tape tape, MicroBatch batch) =>
        [SoftmaxCrossEntropy.Apply(tape, Logits(tape, batch.Images), _labels!.Tensor.Slice(batch.First, batch.Count))];
}

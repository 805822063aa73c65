using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.LatentDenoising;

/// <summary>The method of every system from DiT to l-DAE on a device: network, latent space, noise schedule and objective.</summary>
public sealed class LatentDenoiser : IMethod
{
    /// <summary>Spread of gates, modulations and final layer when <c>network.gateInit</c> is random.</summary>
    public const double RandomGateStd = 0.2;

    // Matrix products like rows of whole 16 byte packs.
    private const int LabelStep = 8;

    private readonly PersistentTensor _range;
    private NoiseLevels? _levels;

    /// <summary>Declares the network and allocates its parameters; they start from the recipe's seed.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">The recipe; it is resolved here.</param>
    /// <param name="pca">The patches' principal components.</param>
    public LatentDenoiser(IBackend backend, Recipe recipe, PatchPca pca)
        : this(backend, recipe, PatchTokenizer.Of(pca, recipe.Resolve().Tokenizer.Dim is > 0 and var dim ? dim : pca.DefaultDimension(), recipe.Tokenizer.Scale))
    {
    }

    /// <summary>Declares the network and allocates its parameters; they start from the recipe's seed.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">The recipe; it is resolved here.</param>
    /// <param name="tokenizer">What turns images into latents.</param>
    public LatentDenoiser(IBackend backend, Recipe recipe, FittedTokenizer tokenizer)
        : this(backend, recipe, tokenizer, isPlan: false)
    {
    }

    private LatentDenoiser(IBackend backend, Recipe recipe, FittedTokenizer tokenizer, bool isPlan)
    {
        Backend = backend;
        var resolved = recipe.Resolve();
        Recipe = resolved with { Tokenizer = resolved.Tokenizer with { Dim = tokenizer.Dim } };
        FittedTokenizer = isPlan ? null : tokenizer;
        Parameters = new ParameterSet(backend);
        Network = new DenoisingTransformer(Parameters, ShapeOf(Recipe));
        Parameters.Allocate();
        Schedule = NoiseSchedule.Create(Recipe.Noise.Schedule, Recipe.Noise.Levels, Recipe.Noise.Sigma);
        _range = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        _range.Tensor.Write(backend, PixelRange.Of(Recipe.Data.Range).ToArray());
        Tokenizer = tokenizer.Place(backend, Range);
        if (!isPlan)
        {
            Parameters.Initialize(Recipe.Train.Seed);
        }

        Phases = [new Phase("denoiser", Parameters, [new LossTerm { Parts = ["loss_kept", "loss_residual"] }], Loss)];
    }

    /// <summary>The device.</summary>
    public IBackend Backend { get; }

    /// <summary>The resolved recipe, with the number of kept components written out.</summary>
    public Recipe Recipe { get; }

    /// <inheritdoc/>
    public MethodInput Input => new(Recipe.Data.ImageSize, Labels: LabelColumns > 0);

    /// <inheritdoc/>
    public IReadOnlyList<Phase> Phases { get; }

    /// <inheritdoc/>
    public IFitted? Fitted => FittedTokenizer;

    /// <summary>The tokenizer's numbers; null in a plan.</summary>
    public FittedTokenizer? FittedTokenizer { get; }

    /// <summary>The patches' principal components, where they are the tokenizer; null in a plan.</summary>
    public PatchPca? Pca => FittedTokenizer?.Pca;

    /// <summary>What is trained.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>The network.</summary>
    public DenoisingTransformer Network { get; }

    /// <summary>Gives the latents that the noise is added in.</summary>
    public ITokenizer Tokenizer { get; }

    /// <summary>Where the noise is added.</summary>
    public LatentSpace Space => Tokenizer.Space;

    /// <summary>Columns of the labels that the network is told; 0 for none.</summary>
    public int LabelColumns => Network.Shape.LabelColumns;

    /// <summary>How much of it at which time step.</summary>
    public NoiseSchedule Schedule { get; }

    /// <summary>From bytes to values [2, 3].</summary>
    public Tensor Range => _range.Tensor;

    /// <inheritdoc/>
    public IReadOnlyList<(string Owner, long Bytes)> Memory(int images) => LabelColumns == 0
        ? [("tokenizer", Tokenizer.Bytes)]
        : [("tokenizer", Tokenizer.Bytes), ("labels", (long)images * LabelColumns * Backend.ActivationType.Size())];

    /// <inheritdoc/>
    public void Allocate(int images)
    {
        _levels?.Dispose();
        _levels = new NoiseLevels(Backend, images, LabelColumns);
    }

    /// <summary>Draws the noise level of each image and, where the network sees the class, which images it is hidden of.</summary>
    public void Sample(in StepDraw draw)
    {
        DrawLevels(_levels!, draw.Images, draw.Step, draw.FirstImage);
        if (LabelColumns > 0)
        {
            DrawLabels(_levels!, draw.Labels, draw.Step, draw.FirstImage);
        }
    }

    /// <inheritdoc/>
    public IEncoder Encoder(ProbeRecipe probe) => new DenoiserEncoder(this, probe);

    /// <summary>A denoiser without a tokenizer, to walk a step on a planning device.</summary>
    /// <param name="backend">The planning device.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="dim">Components kept, where the recipe leaves it to the data.</param>
    /// <returns>The denoiser; its parameters hold nothing.</returns>
    public static LatentDenoiser ForPlan(IBackend backend, Recipe recipe, int dim) =>
        new(backend, recipe, Autoencoders.FittedTokenizer.ForPlan(recipe.Tokenizer, dim), isPlan: true);

    /// <summary>The parameters of a recipe's network by name and shape, without memory.</summary>
    /// <param name="backend">The device that they would be on.</param>
    /// <param name="recipe">The resolved recipe.</param>
    /// <returns>The parameters, not allocated.</returns>
    public static ParameterSet Declare(IBackend backend, Recipe recipe)
    {
        var parameters = new ParameterSet(backend);
        using var network = new DenoisingTransformer(parameters, ShapeOf(recipe));
        return parameters;
    }

    /// <summary>The network's sizes.</summary>
    /// <param name="recipe">A resolved recipe.</param>
    /// <returns>The sizes.</returns>
    public static NetworkShape ShapeOf(Recipe recipe) => new()
    {
        Width = recipe.Network.Width,
        Depth = recipe.Network.Depth,
        EncoderDepth = recipe.Network.EncoderDepth,
        Heads = recipe.Network.Heads,
        MlpRatio = recipe.Network.MlpRatio,
        Grid = recipe.Data.ImageSize / recipe.Tokenizer.Patch,
        InputSize = recipe.Objective.Input == InputSpace.Latent ? recipe.Tokenizer.Dim : recipe.Tokenizer.PatchValues,
        OutputSize = recipe.Objective.Output == OutputSpace.Latent ? recipe.Tokenizer.Dim : recipe.Tokenizer.PatchValues,
        TimeWidth = recipe.Conditioning.Time || recipe.Conditioning.Class ? recipe.Network.Width / 4 : 0,
        TellsTime = recipe.Conditioning.Time,
        LabelColumns = recipe.Conditioning.Class ? (Math.Max(1, recipe.Conditioning.Classes) + LabelStep) / LabelStep * LabelStep : 0,
        GateStd = recipe.Network.GateInit == GateInit.Random ? RandomGateStd : 0,
        Recompute = recipe.Network.Recompute,
    };

    /// <summary>The recipe's objective.</summary>
    /// <param name="seed">Key of the noise; the recipe's seed when not given.</param>
    /// <returns>The objective.</returns>
    public LatentDenoising Objective(ulong? seed = null) => new(Network, Tokenizer, seed ?? Recipe.Train.Seed) { Objective = Recipe.Objective };

    /// <summary>Draws the noise level of each image of a batch.</summary>
    /// <param name="levels">Where they go.</param>
    /// <param name="images">Images of the batch.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="firstImage">Place of the first image in the global batch.</param>
    public void DrawLevels(NoiseLevels levels, int images, uint step, long firstImage)
    {
        var t = new int[images];
        for (var i = 0; i < images; i++)
        {
            t[i] = Schedule.DrawTime(Recipe.Train.Seed, step, firstImage + i);
        }

        SetLevels(levels, t);
    }

    /// <summary>Sets the noise level of each image of a batch, with the loss weight of the recipe's target: lambda_t for clean ones, 1 for noise.</summary>
    /// <param name="levels">Where they go.</param>
    /// <param name="t">Time step of each image, 0..T.</param>
    public void SetLevels(NoiseLevels levels, IReadOnlyList<int> t) => levels.Set(
        t.Select(i => (double)i).ToArray(),
        t.Select(Schedule.Gamma).ToArray(),
        t.Select(Schedule.Sigma).ToArray(),
        t.Select(i => Recipe.Objective.Target == PredictionTarget.Noise ? 1 : Schedule.Lambda(i)).ToArray());

    /// <summary>Draws which images of a batch the network is told the class of, and tells it.</summary>
    /// <param name="levels">Where the labels go.</param>
    /// <param name="labels">Class of each image.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="firstImage">Place of the first image in the global batch.</param>
    public void DrawLabels(NoiseLevels levels, IReadOnlyList<int> labels, uint step, long firstImage)
    {
        var told = new int?[labels.Count];
        for (var i = 0; i < told.Length; i++)
        {
            var drawn = Philox.Uniform(Philox.Word(Recipe.Train.Seed, RandomStream.LabelDropout, step, (ulong)(firstImage + i)));
            told[i] = drawn < Recipe.Conditioning.LabelDropout ? null : labels[i];
        }

        TellLabels(levels, told);
    }

    /// <summary>Tells the network the class of each image of a batch; nothing happens where it is told none.</summary>
    /// <param name="levels">Where the labels go.</param>
    /// <param name="labels">Class of each image; null hides it.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public void TellLabels(NoiseLevels levels, IReadOnlyList<int?> labels)
    {
        if (LabelColumns == 0)
        {
            return;
        }

        var classes = Recipe.Conditioning.Classes;
        if (labels.FirstOrDefault(label => label < 0 || label >= classes) is { } wrong)
        {
            throw new ArgumentOutOfRangeException(nameof(labels), wrong, $"The network was told of {classes} classes.");
        }

        levels.SetLabels([.. labels.Select(label => label ?? classes)]);
    }

    /// <summary>Frees everything.</summary>
    public void Dispose()
    {
        _levels?.Dispose();
        Tokenizer.Dispose();
        _range.Dispose();
        Network.Dispose();
        Parameters.Dispose();
    }

    private IReadOnlyList<Tensor> Loss(Tape tape, MicroBatch batch) =>
        [Objective().Loss(tape, batch.Images, _levels!.Slice(batch.First, batch.Count), batch.Step, batch.FirstImage)];
}

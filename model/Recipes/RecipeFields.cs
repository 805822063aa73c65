using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Recipes;

/// <summary>
/// Every field of <see cref="Recipe"/>, once: reading and writing JSON, <c>--set key=value</c>, range checks and help all go
/// through this table, so that a new field is one line here.
/// </summary>
public static class RecipeFields
{
    private const int MaxImage = 4096, MaxWidth = 65536;

    /// <summary>The fields in the order in which they are written.</summary>
    public static IReadOnlyList<RecipeField> All { get; } =
    [
        .. new FieldGroup<MethodRecipe>("method", r => r.Method, (r, g) => r with { Method = g })
            .Choice("kind", "what is trained", g => g.Kind, (g, v) => g with { Kind = v }).All,

        .. new FieldGroup<DataRecipe>("data", r => r.Data, (r, g) => r with { Data = g })
            .Whole("imageSize", "side of the square the network sees, in pixels", new(1, MaxImage), g => g.ImageSize, (g, v) => g with { ImageSize = v })
            .Choice("crop", "which part of an image that square shows in training", g => g.Crop, (g, v) => g with { Crop = v })
            .Real("cropMinScale", "smallest share of the area that a random crop takes", new(0, 1, OpenMin: true), g => g.CropMinScale, (g, v) => g with { CropMinScale = v })
            .Switch("flip", "mirror half of the images", g => g.Flip, (g, v) => g with { Flip = v })
            .Choice("range", "which numbers bytes become: unit is -1 to 1", g => g.Range, (g, v) => g with { Range = v })
            .Real("holdOut", "share of the training images held out for choices", NumberRange.Decay, g => g.HoldOut, (g, v) => g with { HoldOut = v })
            .Whole(
                "shardMegabytes", "megabytes of a Parquet set's row groups held at a time; images are drawn from half of them", new(1, 1 << 20), g => g.ShardMegabytes,
                (g, v) => g with { ShardMegabytes = v }).All,

        .. new FieldGroup<TokenizerRecipe>("tokenizer", r => r.Tokenizer, (r, g) => r with { Tokenizer = g })
            .Choice("kind", "what turns patches into latents", g => g.Kind, (g, v) => g with { Kind = v })
            .Whole(
                "dim", "latents kept per patch; 0 is by patch size: 32 of 16 x 16, 8 of 4 x 4, else by energy", new(0, MaxImage * MaxImage * 3), g => g.Dim,
                (g, v) => g with { Dim = v })
            .Choice("scale", "how the kept latents are scaled before noise is added", g => g.Scale, (g, v) => g with { Scale = v })
            .Whole("patch", "side of a patch, in pixels", new(1, MaxImage), g => g.Patch, (g, v) => g with { Patch = v })
            .Whole("samplePatches", "random training patches that the PCA sees", NumberRange.From(2), g => g.SamplePatches, (g, v) => g with { SamplePatches = v })
            .Real(
                "trainEpochs", "passes over the training images that train a patchAe, patchVae or convVae", NumberRange.Positive, g => g.TrainEpochs,
                (g, v) => g with { TrainEpochs = v })
            .Whole("trainBatch", "images of one optimizer step of that training", new(1, 1 << 24), g => g.TrainBatch, (g, v) => g with { TrainBatch = v })
            .Real("trainLr", "highest learning rate of that training", NumberRange.From(0), g => g.TrainLr, (g, v) => g with { TrainLr = v })
            .Real(
                "trainEma", "decay per step of the average of the weights in that training, which the tokenizer then has; 0 is off", NumberRange.Decay, g => g.TrainEma,
                (g, v) => g with { TrainEma = v })
            .Real(
                "klWeight", "weight of a variational tokenizer's KL divergence beside a squared error of one", NumberRange.Positive, g => g.KlWeight,
                (g, v) => g with { KlWeight = v })
            .Whole("channels", "channels of a convVae at the images' own resolution", new(2, MaxWidth), g => g.Channels, (g, v) => g with { Channels = v })
            .Whole("blocks", "residual blocks of a convVae at each resolution", new(1, 100), g => g.Blocks, (g, v) => g with { Blocks = v }).All,

        .. new FieldGroup<NoiseRecipe>("noise", r => r.Noise, (r, g) => r with { Noise = g })
            .Choice("schedule", "how noise grows with the level", g => g.Schedule, (g, v) => g with { Schedule = v })
            .Whole("levels", "levels of noise, T", new(1, 1_000_000), g => g.Levels, (g, v) => g with { Levels = v })
            .RealOrNull(
                "sigma", "largest sigma of linearSigma (null: sqrt 2), the sigma of single (null: sqrt 1/3)", NumberRange.From(0), g => g.Sigma,
                (g, v) => g with { Sigma = v }).All,

        .. new FieldGroup<ObjectiveRecipe>("objective", r => r.Objective, (r, g) => r with { Objective = g })
            .Choice("target", "what the network predicts", g => g.Target, (g, v) => g with { Target = v })
            .Choice("input", "what the network sees", g => g.Input, (g, v) => g with { Input = v })
            .Choice("output", "where the prediction is held against its target", g => g.Output, (g, v) => g with { Output = v })
            .Real("keptWeight", "weight of the squared error along the kept components", NumberRange.From(0), g => g.KeptWeight, (g, v) => g with { KeptWeight = v })
            .Real(
                "residualWeight", "weight of the squared error along all other components", NumberRange.From(0), g => g.ResidualWeight,
                (g, v) => g with { ResidualWeight = v }).All,

        .. new FieldGroup<ConditioningRecipe>("conditioning", r => r.Conditioning, (r, g) => r with { Conditioning = g })
            .Switch("class", "tell the network the label", g => g.Class, (g, v) => g with { Class = v })
            .Whole("classes", "classes that labels tell apart; 0 is as many as the training images have", new(0, 1_000_000), g => g.Classes, (g, v) => g with { Classes = v })
            .Real("labelDropout", "share of the training images whose label is hidden", NumberRange.Decay, g => g.LabelDropout, (g, v) => g with { LabelDropout = v })
            .Switch("time", "tell the network the level of noise", g => g.Time, (g, v) => g with { Time = v }).All,

        .. new FieldGroup<NetworkRecipe>("network", r => r.Network, (r, g) => r with { Network = g })
            .Whole("width", "columns of a token", new(4, MaxWidth), g => g.Width, (g, v) => g with { Width = v })
            .Whole("depth", "blocks of encoder and decoder together", new(2, 1000), g => g.Depth, (g, v) => g with { Depth = v })
            .Whole("encoderDepth", "blocks of the encoder; 0 is half of the depth", new(0, 999), g => g.EncoderDepth, (g, v) => g with { EncoderDepth = v })
            .Whole("heads", "attention heads", new(1, MaxWidth), g => g.Heads, (g, v) => g with { Heads = v })
            .Whole("mlpRatio", "hidden width of the MLPs over the width", new(1, 64), g => g.MlpRatio, (g, v) => g with { MlpRatio = v })
            .Choice("gateInit", "how gates, modulations and final layer start: zero is adaLN-Zero", g => g.GateInit, (g, v) => g with { GateInit = v })
            .Choice("activation", "nonlinearity of the MLPs", g => g.Activation, (g, v) => g with { Activation = v })
            .Switch("recompute", "compute activations again in the backward pass instead of keeping them", g => g.Recompute, (g, v) => g with { Recompute = v }).All,

        .. new FieldGroup<TrainRecipe>("train", r => r.Train, (r, g) => r with { Train = g })
            .WholeOrNull("steps", "optimizer steps; overrides epochs and minutes", NumberRange.From(1), g => g.Steps, (g, v) => g with { Steps = v })
            .RealOrNull(
                "epochs", "passes over the training images (null: as many as train.minutes hold, else 100)", NumberRange.Positive, g => g.Epochs, (g, v) => g with { Epochs = v })
            .RealOrNull("minutes", "longest time to train for, in minutes", NumberRange.Positive, g => g.Minutes, (g, v) => g with { Minutes = v })
            .Whole("batch", "images of one optimizer step, over all processes and micro-batches", new(1, 1 << 24), g => g.Batch, (g, v) => g with { Batch = v })
            .Whole("accumulate", "micro-batches of one optimizer step", new(1, 1 << 24), g => g.Accumulate, (g, v) => g with { Accumulate = v })
            .Real("lr", "highest learning rate, for this batch", NumberRange.From(0), g => g.Lr, (g, v) => g with { Lr = v })
            .Real("warmup", "share of the run over which the learning rate rises", NumberRange.Share, g => g.Warmup, (g, v) => g with { Warmup = v })
            .Real("weightDecay", "decoupled weight decay", NumberRange.From(0), g => g.WeightDecay, (g, v) => g with { WeightDecay = v })
            .Real("beta1", "decay of the mean of the gradients", NumberRange.Decay, g => g.Beta1, (g, v) => g with { Beta1 = v })
            .Real("beta2", "decay of the mean of the squared gradients", NumberRange.Decay, g => g.Beta2, (g, v) => g with { Beta2 = v })
            .Real("clip", "largest norm of the whole gradient; 0 is off", NumberRange.From(0), g => g.Clip, (g, v) => g with { Clip = v })
            .Real("ema", "decay per step of the weights' moving average; 0 is off", NumberRange.Decay, g => g.Ema, (g, v) => g with { Ema = v })
            .ChoiceOrNull("precision", "number format of activations (null: bf16 on a GPU, fp32 elsewhere)", g => g.Precision, (g, v) => g with { Precision = v })
            .Whole("seed", "seed of all randomness", NumberRange.From(0), g => g.Seed, (g, v) => g with { Seed = v })
            .Whole("logEvery", "steps between two lines of metrics", NumberRange.From(1), g => g.LogEvery, (g, v) => g with { LogEvery = v })
            .Whole("checkpointEvery", "steps between two checkpoints; 0 saves only the last", NumberRange.From(0), g => g.CheckpointEvery, (g, v) => g with { CheckpointEvery = v })
            .Real(
                "spikeFactor", "a loss of so many times the usual sends the run back to its last checkpoint, on at half the rate; 0 is off", NumberRange.From(0),
                g => g.SpikeFactor, (g, v) => g with { SpikeFactor = v })
            .Whole("keep", "checkpoints kept, beside the best by train.knnEvery", NumberRange.From(1), g => g.Keep, (g, v) => g with { Keep = v })
            .Whole("knnEvery", "steps between two nearest-neighbour probes; 0 is off", NumberRange.From(0), g => g.KnnEvery, (g, v) => g with { KnnEvery = v }).All,

        .. new FieldGroup<ProbeRecipe>("probe", r => r.Probe, (r, g) => r with { Probe = g })
            .Whole("block", "block whose tokens are averaged, from 1; 0 is the last of the encoder", new(0, 1000), g => g.Block, (g, v) => g with { Block = v })
            .Whole("time", "level of noise the network is told", new(0, 1_000_000), g => g.Time, (g, v) => g with { Time = v })
            .Choice("input", "what the encoder sees", g => g.Input, (g, v) => g with { Input = v })
            .Choice("weights", "which weights are read", g => g.Weights, (g, v) => g with { Weights = v }).All,

        .. new FieldGroup<CudaRecipe>("cuda", r => r.Cuda, (r, g) => r with { Cuda = g })
            .Switch("autotune", "time matrix products once per shape; off takes the library's first suggestion", g => g.Autotune, (g, v) => g with { Autotune = v }).All,
    ];

    private static Dictionary<string, RecipeField> ByName { get; } = All.ToDictionary(field => field.Name, StringComparer.Ordinal);

    /// <summary>The field of a name.</summary>
    /// <param name="name">Group and field, such as "train.lr".</param>
    /// <returns>The field.</returns>
    /// <exception cref="LdaeException">Configuration: there is no such field; the remedy names the nearest one.</exception>
    public static RecipeField Get(string name) => ByName.TryGetValue(name, out var field)
        ? field
        : throw new LdaeException(
            ErrorKind.Configuration,
            $"There is no field '{name}' in a recipe.",
            $"Did you mean '{NearestName.Of(name, ByName.Keys)}'?");

    /// <summary>A recipe with assignments applied in order, as <c>--set</c> gives them; minutes without epochs take the recipe's epochs away.</summary>
    /// <param name="recipe">The recipe; left as it is.</param>
    /// <param name="assignments">Each "key=value".</param>
    /// <returns>The changed recipe.</returns>
    /// <exception cref="LdaeException">Configuration: no assignment, an unknown field, or a value it does not take.</exception>
    public static Recipe Apply(Recipe recipe, IEnumerable<string> assignments)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var assignment in assignments)
        {
            var split = assignment.IndexOf('=', StringComparison.Ordinal);
            if (split <= 0)
            {
                throw new LdaeException(ErrorKind.Configuration, $"'{assignment}' is not an assignment.", "Write --set key=value, such as --set train.steps=100.");
            }

            recipe = Get(assignment[..split].Trim()).Set(recipe, assignment[(split + 1)..].Trim());
            names.Add(assignment[..split].Trim());
        }

        return TimeAlone(recipe, names);
    }

    /// <summary>A recipe without epochs when minutes are given: the epochs of a preset or an earlier run could end it before.</summary>
    /// <param name="recipe">The recipe after its assignments.</param>
    /// <param name="assigned">Names of the fields that were assigned.</param>
    /// <returns>The recipe; without epochs where minutes were assigned, and epochs not.</returns>
    internal static Recipe TimeAlone(Recipe recipe, IReadOnlySet<string> assigned) =>
        assigned.Contains("train.minutes") && !assigned.Contains("train.epochs") && recipe.Train.Minutes is not null
            ? recipe with { Train = recipe.Train with { Epochs = null } }
            : recipe;
}

using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Recipes;

/// <summary>
/// Every field of <see cref="Recipe"/>, once: reading and writing JSON, <c>--set key=value</c>, range checks and help all go
/// through this table, so that a new field is one line here.
/// </summary>
public static partial class RecipeFields
{
    private const int MaxImage = 4096, MaxWidth = 65536;

    /// <summary>The fields in the order in which they are written.</summary>
    public static IReadOnlyList<RecipeField> All { get; } =
    [
        Whole("data.imageSize", "side of the square the network sees, in pixels", new(1, MaxImage), r => r.Data.ImageSize, (r, v) => r with { Data = r.Data with { ImageSize = v } }),
        Choice("data.crop", "which part of an image that square shows in training", r => r.Data.Crop, (r, v) => r with { Data = r.Data with { Crop = v } }),
        Real("data.cropMinScale", "smallest share of the area that a random crop takes", new(0, 1, OpenMin: true), r => r.Data.CropMinScale, (r, v) => r with { Data = r.Data with { CropMinScale = v } }),
        Switch("data.flip", "mirror half of the images", r => r.Data.Flip, (r, v) => r with { Data = r.Data with { Flip = v } }),
        Choice("data.range", "which numbers bytes become: unit is -1 to 1", r => r.Data.Range, (r, v) => r with { Data = r.Data with { Range = v } }),
        Real("data.holdOut", "share of the training images held out for choices", NumberRange.Decay, r => r.Data.HoldOut, (r, v) => r with { Data = r.Data with { HoldOut = v } }),

        Choice("tokenizer.kind", "what turns patches into latents", r => r.Tokenizer.Kind, (r, v) => r with { Tokenizer = r.Tokenizer with { Kind = v } }),
        Whole("tokenizer.dim", "latents kept per patch; 0 is by patch size: 32 of 16 x 16, 8 of 4 x 4, else by energy", new(0, MaxImage * MaxImage * 3), r => r.Tokenizer.Dim, (r, v) => r with { Tokenizer = r.Tokenizer with { Dim = v } }),
        Choice("tokenizer.scale", "how the kept latents are scaled before noise is added", r => r.Tokenizer.Scale, (r, v) => r with { Tokenizer = r.Tokenizer with { Scale = v } }),
        Whole("tokenizer.patch", "side of a patch, in pixels", new(1, MaxImage), r => r.Tokenizer.Patch, (r, v) => r with { Tokenizer = r.Tokenizer with { Patch = v } }),
        Whole("tokenizer.samplePatches", "random training patches that the PCA sees", NumberRange.From(2), r => r.Tokenizer.SamplePatches, (r, v) => r with { Tokenizer = r.Tokenizer with { SamplePatches = v } }),

        Choice("noise.schedule", "how noise grows with the level", r => r.Noise.Schedule, (r, v) => r with { Noise = r.Noise with { Schedule = v } }),
        Whole("noise.levels", "levels of noise, T", new(1, 1_000_000), r => r.Noise.Levels, (r, v) => r with { Noise = r.Noise with { Levels = v } }),
        RealOrNull("noise.sigma", "largest sigma of linearSigma (null: sqrt 2), the sigma of single (null: sqrt 1/3)", NumberRange.From(0), r => r.Noise.Sigma, (r, v) => r with { Noise = r.Noise with { Sigma = v } }),

        Choice("objective.target", "what the network predicts", r => r.Objective.Target, (r, v) => r with { Objective = r.Objective with { Target = v } }),
        Choice("objective.input", "what the network sees", r => r.Objective.Input, (r, v) => r with { Objective = r.Objective with { Input = v } }),
        Choice("objective.output", "where the prediction is held against its target", r => r.Objective.Output, (r, v) => r with { Objective = r.Objective with { Output = v } }),
        Real("objective.keptWeight", "weight of the squared error along the kept components", NumberRange.From(0), r => r.Objective.KeptWeight, (r, v) => r with { Objective = r.Objective with { KeptWeight = v } }),
        Real("objective.residualWeight", "weight of the squared error along all other components", NumberRange.From(0), r => r.Objective.ResidualWeight, (r, v) => r with { Objective = r.Objective with { ResidualWeight = v } }),

        Switch("conditioning.class", "tell the network the label", r => r.Conditioning.Class, (r, v) => r with { Conditioning = r.Conditioning with { Class = v } }),
        Switch("conditioning.time", "tell the network the level of noise", r => r.Conditioning.Time, (r, v) => r with { Conditioning = r.Conditioning with { Time = v } }),

        Whole("network.width", "columns of a token", new(4, MaxWidth), r => r.Network.Width, (r, v) => r with { Network = r.Network with { Width = v } }),
        Whole("network.depth", "blocks of encoder and decoder together", new(2, 1000), r => r.Network.Depth, (r, v) => r with { Network = r.Network with { Depth = v } }),
        Whole("network.encoderDepth", "blocks of the encoder; 0 is half of the depth", new(0, 999), r => r.Network.EncoderDepth, (r, v) => r with { Network = r.Network with { EncoderDepth = v } }),
        Whole("network.heads", "attention heads", new(1, MaxWidth), r => r.Network.Heads, (r, v) => r with { Network = r.Network with { Heads = v } }),
        Whole("network.mlpRatio", "hidden width of the MLPs over the width", new(1, 64), r => r.Network.MlpRatio, (r, v) => r with { Network = r.Network with { MlpRatio = v } }),
        Choice("network.gateInit", "how gates, modulations and final layer start: zero is adaLN-Zero", r => r.Network.GateInit, (r, v) => r with { Network = r.Network with { GateInit = v } }),
        Choice("network.activation", "nonlinearity of the MLPs", r => r.Network.Activation, (r, v) => r with { Network = r.Network with { Activation = v } }),
        Switch("network.recompute", "compute activations again in the backward pass instead of keeping them", r => r.Network.Recompute, (r, v) => r with { Network = r.Network with { Recompute = v } }),

        WholeOrNull("train.steps", "optimizer steps; overrides epochs and minutes", NumberRange.From(1), r => r.Train.Steps, (r, v) => r with { Train = r.Train with { Steps = v } }),
        Real("train.epochs", "passes over the training images", NumberRange.Positive, r => r.Train.Epochs, (r, v) => r with { Train = r.Train with { Epochs = v } }),
        RealOrNull("train.minutes", "longest time to train for, in minutes", NumberRange.Positive, r => r.Train.Minutes, (r, v) => r with { Train = r.Train with { Minutes = v } }),
        Whole("train.batch", "images of one optimizer step, over all processes and micro-batches", new(1, 1 << 24), r => r.Train.Batch, (r, v) => r with { Train = r.Train with { Batch = v } }),
        Whole("train.accumulate", "micro-batches of one optimizer step", new(1, 1 << 24), r => r.Train.Accumulate, (r, v) => r with { Train = r.Train with { Accumulate = v } }),
        Real("train.lr", "highest learning rate, for this batch", NumberRange.From(0), r => r.Train.Lr, (r, v) => r with { Train = r.Train with { Lr = v } }),
        Real("train.warmup", "share of the run over which the learning rate rises", NumberRange.Share, r => r.Train.Warmup, (r, v) => r with { Train = r.Train with { Warmup = v } }),
        Real("train.weightDecay", "decoupled weight decay", NumberRange.From(0), r => r.Train.WeightDecay, (r, v) => r with { Train = r.Train with { WeightDecay = v } }),
        Real("train.beta1", "decay of the mean of the gradients", NumberRange.Decay, r => r.Train.Beta1, (r, v) => r with { Train = r.Train with { Beta1 = v } }),
        Real("train.beta2", "decay of the mean of the squared gradients", NumberRange.Decay, r => r.Train.Beta2, (r, v) => r with { Train = r.Train with { Beta2 = v } }),
        Real("train.clip", "largest norm of the whole gradient; 0 is off", NumberRange.From(0), r => r.Train.Clip, (r, v) => r with { Train = r.Train with { Clip = v } }),
        Real("train.ema", "decay per step of the weights' moving average; 0 is off", NumberRange.Decay, r => r.Train.Ema, (r, v) => r with { Train = r.Train with { Ema = v } }),
        Choice("train.precision", "number format of activations", r => r.Train.Precision, (r, v) => r with { Train = r.Train with { Precision = v } }),
        Whole("train.seed", "seed of all randomness", NumberRange.From(0), r => r.Train.Seed, (r, v) => r with { Train = r.Train with { Seed = v } }),
        Whole("train.logEvery", "steps between two lines of metrics", NumberRange.From(1), r => r.Train.LogEvery, (r, v) => r with { Train = r.Train with { LogEvery = v } }),
        Whole("train.checkpointEvery", "steps between two checkpoints; 0 saves only the last", NumberRange.From(0), r => r.Train.CheckpointEvery, (r, v) => r with { Train = r.Train with { CheckpointEvery = v } }),
        Whole("train.keep", "checkpoints kept", NumberRange.From(1), r => r.Train.Keep, (r, v) => r with { Train = r.Train with { Keep = v } }),
        Whole("train.knnEvery", "steps between two nearest-neighbour probes; 0 is off", NumberRange.From(0), r => r.Train.KnnEvery, (r, v) => r with { Train = r.Train with { KnnEvery = v } }),

        Whole("probe.block", "block whose tokens are averaged, from 1; 0 is the last of the encoder", new(0, 1000), r => r.Probe.Block, (r, v) => r with { Probe = r.Probe with { Block = v } }),
        Whole("probe.time", "level of noise the network is told", new(0, 1_000_000), r => r.Probe.Time, (r, v) => r with { Probe = r.Probe with { Time = v } }),
        Choice("probe.input", "what the encoder sees", r => r.Probe.Input, (r, v) => r with { Probe = r.Probe with { Input = v } }),
        Choice("probe.weights", "which weights are read", r => r.Probe.Weights, (r, v) => r with { Probe = r.Probe with { Weights = v } }),

        Switch("cuda.autotune", "time matrix products once per shape; off takes the library's first suggestion", r => r.Cuda.Autotune, (r, v) => r with { Cuda = r.Cuda with { Autotune = v } }),
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

    /// <summary>A recipe with assignments applied in order, as <c>--set</c> gives them.</summary>
    /// <param name="recipe">The recipe; left as it is.</param>
    /// <param name="assignments">Each "key=value".</param>
    /// <returns>The changed recipe.</returns>
    /// <exception cref="LdaeException">Configuration: no assignment, an unknown field, or a value it does not take.</exception>
    public static Recipe Apply(Recipe recipe, IEnumerable<string> assignments)
    {
        foreach (var assignment in assignments)
        {
            var split = assignment.IndexOf('=', StringComparison.Ordinal);
            if (split <= 0)
            {
                throw new LdaeException(ErrorKind.Configuration, $"'{assignment}' is not an assignment.", "Write --set key=value, such as --set train.steps=100.");
            }

            recipe = Get(assignment[..split].Trim()).Set(recipe, assignment[(split + 1)..].Trim());
        }

        return recipe;
    }
}

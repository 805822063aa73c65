namespace LDaeCore.Model.Recipes;

/// <summary>How the network is trained: AdamW, linear warm-up, half-cosine to 0.</summary>
public sealed record TrainRecipe
{
    /// <summary>Passes over the training images where neither they nor minutes are given.</summary>
    public const double DefaultEpochs = 100;

    /// <summary>Optimizer steps; overrides epochs and minutes when given.</summary>
    public int? Steps { get; init; }

    /// <summary>Passes over the training images; null takes as many as <see cref="Minutes"/> hold, or <see cref="DefaultEpochs"/> without them.</summary>
    public double? Epochs { get; init; }

    /// <summary>Longest time to train for, in minutes; null for no limit.</summary>
    public double? Minutes { get; init; }

    /// <summary>Images of one optimizer step, over all processes and micro-batches.</summary>
    public int Batch { get; init; } = 128;

    /// <summary>Micro-batches of one optimizer step; divides the batch.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>Highest learning rate, for this batch.</summary>
    public double Lr { get; init; } = 1e-3;

    /// <summary>Share of the run over which the learning rate rises.</summary>
    public double Warmup { get; init; } = 0.1;

    /// <summary>Decoupled weight decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Decay of the mean of the gradients.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the mean of the squared gradients.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Largest norm of the whole gradient; 0 is off.</summary>
    public double Clip { get; init; }

    /// <summary>Decay per step of the weights' moving average, kept beside the raw weights; 0 is off.</summary>
    public double Ema { get; init; } = 0.9999;

    /// <summary>Number format of activations; null leaves it to the device: bf16 on a GPU, fp32 elsewhere.</summary>
    public TrainPrecision? Precision { get; init; }

    /// <summary>Seed of all randomness.</summary>
    public ulong Seed { get; init; }

    /// <summary>Steps between two lines of metrics.</summary>
    public int LogEvery { get; init; } = 10;

    /// <summary>Steps between two checkpoints; 0 saves only the last.</summary>
    public int CheckpointEvery { get; init; } = 1000;

    /// <summary>Checkpoints kept; older ones are removed, but for the best by <see cref="KnnEvery"/>.</summary>
    public int Keep { get; init; } = 3;

    /// <summary>
    /// A loss of more than so many times the median of the last fifty is a spike, as is one that is not a number: the run goes back to its last
    /// checkpoint and on from there at half the learning rate. 0 is off.
    /// </summary>
    public double SpikeFactor { get; init; }

    /// <summary>Steps between two nearest-neighbour probes on held-out images; 0 is off.</summary>
    public int KnnEvery { get; init; }

    /// <summary><see cref="Epochs"/>, or their default; null where minutes alone end the run.</summary>
    public double? ResolvedEpochs => Epochs ?? (Minutes is null ? DefaultEpochs : null);

    /// <summary>Images of one micro-batch.</summary>
    public int MicroBatch => Batch / Accumulate;
}

/// <summary>Number format of activations in training; master weights are float32 in both.</summary>
public enum TrainPrecision
{
    /// <summary>float32 throughout.</summary>
    Fp32,

    /// <summary>bfloat16 storage with float32 accumulation; not on the cpu and reference devices.</summary>
    Bf16,
}

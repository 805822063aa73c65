namespace LDaeCore.Model.Recipes;

/// <summary>
/// Everything that varies along the paper's journey from DiT to l-DAE, as orthogonal fields: a step of the journey is a
/// <c>with</c> expression on the step before. The defaults are the final model's, on the shape of the preset cifar-tiny.
/// <see cref="RecipeFields"/> lists the fields by name; <see cref="RecipeValidation"/> says which recipes make sense.
/// </summary>
public sealed record Recipe
{
    /// <summary>What is trained.</summary>
    public MethodRecipe Method { get; init; } = new();

    /// <summary>How images are prepared.</summary>
    public DataRecipe Data { get; init; } = new();

    /// <summary>What turns patches into latents.</summary>
    public TokenizerRecipe Tokenizer { get; init; } = new();

    /// <summary>How much noise the latents get.</summary>
    public NoiseRecipe Noise { get; init; } = new();

    /// <summary>What the network predicts from what.</summary>
    public ObjectiveRecipe Objective { get; init; } = new();

    /// <summary>What the network is told besides the image.</summary>
    public ConditioningRecipe Conditioning { get; init; } = new();

    /// <summary>The shape of the transformer.</summary>
    public NetworkRecipe Network { get; init; } = new();

    /// <summary>How it is trained.</summary>
    public TrainRecipe Train { get; init; } = new();

    /// <summary>What a probe reads.</summary>
    public ProbeRecipe Probe { get; init; } = new();

    /// <summary>What only the CUDA device reads.</summary>
    public CudaRecipe Cuda { get; init; } = new();

    /// <summary>
    /// The recipe with every default that depends on other fields written out: encoder depth, probed block, sigma, epochs, and the
    /// latents kept where the patch size alone decides (0 stays where the energy of the patches does).
    /// </summary>
    /// <returns>The resolved recipe; resolving it again changes nothing.</returns>
    public Recipe Resolve()
    {
        var encoder = Network.EncoderDepth == 0 ? Network.Depth / 2 : Network.EncoderDepth;
        return this with
        {
            Network = Network with { EncoderDepth = encoder },
            Probe = Probe with { Block = Probe.Block == 0 ? encoder : Probe.Block },
            Noise = Noise with { Sigma = Noise.ResolvedSigma },
            Train = Train with { Epochs = Train.ResolvedEpochs },
            Tokenizer = Tokenizer with
            {
                Dim = (Tokenizer.Dim, Tokenizer.Patch) switch
                {
                    (0, _) when Tokenizer.Kind == TokenizerKind.Identity => Tokenizer.PatchValues,
                    (0, 16) => 32,
                    (0, 4) => 8,
                    var (dim, _) => dim,
                },
            },
        };
    }
}

/// <summary>What is trained.</summary>
public sealed record MethodRecipe
{
    /// <summary>The way of training.</summary>
    public MethodKind Kind { get; init; }
}

/// <summary>Ways of training.</summary>
public enum MethodKind
{
    /// <summary>Noise is added to latents, and a transformer predicts the clean image: every system from DiT to l-DAE.</summary>
    LatentDenoising,

    /// <summary>A tokenizer with weights of its own learns to encode and decode images: <c>ldae tokenizer train</c>.</summary>
    Autoencoder,

    /// <summary>A plain ViT learns the classes of images by cross-entropy.</summary>
    Supervised,
}

/// <summary>What only the CUDA device reads.</summary>
public sealed record CudaRecipe
{
    /// <summary>Whether matrix products are timed once per shape; off takes the library's first suggestion.</summary>
    public bool Autotune { get; init; } = true;
}

using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Bench;

/// <summary>A preset's whole optimizer step on random images: noise, network, loss, gradient, clipping, AdamW, moving average.</summary>
internal sealed class StepWork : IDisposable
{
    private const double LearningRate = 1e-4;

    private readonly Trainer _trainer;
    private readonly FixedImages _images;

    /// <summary>Plans, allocates, draws.</summary>
    /// <param name="recipe">Its batch is one micro-batch.</param>
    /// <param name="backend">The device.</param>
    public StepWork(Recipe recipe, IBackend backend)
    {
        Model = new LatentDenoiser(backend, recipe, RandomTokenizer(recipe));
        Plan = MethodCatalog.Plan(Model.Recipe, backend.ActivationType, backend.ParameterType, workspace: backend.WorkspaceBytes);
        _trainer = new Trainer(Model, Plan);
        _images = new FixedImages(backend, recipe);
    }

    /// <summary>What is trained.</summary>
    public LatentDenoiser Model { get; }

    /// <summary>Its memory.</summary>
    public MemoryPlan Plan { get; }

    /// <summary>
    /// Model operations of a step: three times the forward pass, 24 T C^2 + 4 T^2 C a block and image, plus the two layers at its ends.
    /// Conditioning, normalisation and optimizer are left out, as is usual.
    /// </summary>
    public double Flops
    {
        get
        {
            var (shape, batch) = (Model.Network.Shape, Model.Recipe.Train.Batch);
            double width = shape.Width, tokens = shape.Tokens;
            var block = (24 * width * width) + (4 * tokens * width);
            return 3 * batch * tokens * ((shape.Depth * block) + (2 * (shape.InputSize + shape.OutputSize) * width));
        }
    }

    /// <summary>Random images [count, side, side, 3].</summary>
    public static byte[] Pixels(int count, int side)
    {
        var pixels = new byte[count * side * side * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)Philox.Word(3, RandomStream.Case, 0, (ulong)i);
        }

        return pixels;
    }

    /// <summary>Does a step.</summary>
    public void Run() => _trainer.Run(_images, LearningRate);

    /// <summary>Frees everything.</summary>
    public void Dispose()
    {
        _trainer.Dispose();
        _images.Dispose();
        Model.Dispose();
    }

    /// <summary>A tokenizer of random patches: the time of a step does not depend on what they are.</summary>
    private static PatchTokenizer RandomTokenizer(Recipe recipe)
    {
        const int patches = 64;
        var values = new float[patches * recipe.Tokenizer.PatchValues];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = Philox.Uniform(Philox.Word(4, RandomStream.Case, 0, (ulong)i)) - 0.5f;
        }

        var (tokenizer, covariance) = (recipe.Tokenizer, new Covariance(recipe.Tokenizer.PatchValues));
        covariance.Add(values, patches);
        return tokenizer.Kind == TokenizerKind.Identity
            ? PatchTokenizer.Identity(covariance, tokenizer.Patch, tokenizer.Scale)
            : PatchTokenizer.Of(PatchPca.Fit(covariance), tokenizer.Dim, tokenizer.Scale);
    }
}

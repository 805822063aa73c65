using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Plan;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>A method whose result is a tokenizer: weights that encode and decode images, learnt by gradients.</summary>
public interface IAutoencoder : IMethod
{
    /// <summary>The latents of images without noise.</summary>
    /// <param name="tape">Records them.</param>
    /// <param name="images">U8 [B, H, W, 3].</param>
    /// <returns>[B, T, d].</returns>
    Tensor Latents(Tape tape, Tensor images);

    /// <summary>The tokenizer with its weights as they are now, its latents shifted and scaled by what they are on images.</summary>
    /// <param name="images">Batches of training images; each is good until the next is asked for.</param>
    /// <returns>The tokenizer.</returns>
    FittedTokenizer Finish(IEnumerable<ImageBatch> images);
}

/// <summary>The latents of an autoencoder as features.</summary>
/// <param name="method">The autoencoder.</param>
/// <param name="ownsMethod">Whether the encoder frees it.</param>
internal sealed class AutoencoderEncoder(IAutoencoder method, bool ownsMethod = false) : IEncoder
{
    /// <inheritdoc/>
    public IBackend Backend => method.Backend;

    /// <inheritdoc/>
    public int ImageSize => method.Recipe.Data.ImageSize;

    /// <inheritdoc/>
    public int Width => method.Recipe.Tokenizer.Dim;

    /// <inheritdoc/>
    public PixelRange Range => PixelRange.Of(method.Recipe.Data.Range);

    /// <inheritdoc/>
    public Tensor Tokens(Tape tape, Tensor images, long firstImage) => method.Latents(tape, images);

    /// <inheritdoc/>
    public long PassBytes(int images)
    {
        using var backend = new PlanBackend(Backend.ActivationType, Backend.ParameterType);
        using var plan = AutoencoderFactory.New(backend, method.Recipe);
        using var arena = new StepArena(backend, 0, ArenaMode.Plan);
        using var batch = new PersistentTensor(backend, new Shape(images, ImageSize, ImageSize, PatchPixels.Channels), DType.U8);
        var tape = new Tape(backend, arena);
        tape.WithoutRecording(() => [((IEncoder)new AutoencoderEncoder(plan)).Features(tape, batch.Tensor, 0)]);
        return arena.Peak;
    }

    /// <inheritdoc/>
    public VitWeights ToVit() => throw new LdaeException(
        ErrorKind.Configuration, "The encoder of an autoencoder is no ViT.", "Export the encoder of a run of ldae pretrain.");

    /// <inheritdoc/>
    public IEncoder Random(ulong seed) => new AutoencoderEncoder(
        AutoencoderFactory.New(Backend, method.Recipe with { Train = method.Recipe.Train with { Seed = seed } }), ownsMethod: true);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (ownsMethod)
        {
            method.Dispose();
        }
    }
}

using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;

namespace LDaeCore.Model.Methods.Autoencoders;

/// <summary>A tokenizer whose weights are learnt from images by gradients.</summary>
public interface ITrainableTokenizer : IDisposable
{
    /// <summary>What is trained.</summary>
    ParameterSet Parameters { get; }

    /// <summary>Sets what a step needs and no gradient reaches, from the weights as they are now.</summary>
    void BeginStep();

    /// <summary>The terms of the loss of a batch.</summary>
    /// <param name="tape">Records them.</param>
    /// <param name="images">U8 [B, H, W, 3].</param>
    /// <param name="step">Optimizer step, for what is random.</param>
    /// <param name="firstImage">Place of the first image in the batch of the step.</param>
    /// <returns>One term or more.</returns>
    IReadOnlyList<TokenizerTerm> Loss(Tape tape, Tensor images, uint step, long firstImage);

    /// <summary>The tokenizer with its weights as they are now, its latents shifted and scaled by what they are on images.</summary>
    /// <param name="images">Batches of training images; each is good until the next is asked for.</param>
    /// <returns>The tokenizer.</returns>
    FittedTokenizer Finish(IEnumerable<ImageBatch> images);
}

using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>
/// A way of training: what is trained, on what, by which losses. The trainer, the run, its checkpoints, the memory plan and the report
/// know a method through this interface only. docs/add-a-method.md walks through one.
/// </summary>
public interface IMethod : IDisposable
{
    /// <summary>The device.</summary>
    IBackend Backend { get; }

    /// <summary>The resolved recipe, with the numbers that the images decided written out.</summary>
    Recipe Recipe { get; }

    /// <summary>What a batch must hold.</summary>
    MethodInput Input { get; }

    /// <summary>What is optimized, one phase after the other within a step: one phase for most methods.</summary>
    IReadOnlyList<Phase> Phases { get; }

    /// <summary>What was computed from the training images before the first step and is saved with the parameters; null for nothing.</summary>
    IFitted? Fitted => null;

    /// <summary>
    /// Tensors that change in training and are neither parameters nor the optimizer's: momentum copies, running statistics. Checkpoints hold them by
    /// name, and processes start from rank 0's.
    /// </summary>
    IReadOnlyList<(string Name, Tensor Value)> State => [];

    /// <summary>Device memory beside parameters, optimizer and activations, for the memory plan.</summary>
    /// <param name="images">Images of a step of this process.</param>
    /// <returns>Owners and their bytes.</returns>
    IReadOnlyList<(string Owner, long Bytes)> Memory(int images) => [];

    /// <summary>Allocates the tensors that <see cref="Sample"/> writes; called once, before the first step.</summary>
    /// <param name="images">Images of a step of this process.</param>
    void Allocate(int images)
    {
    }

    /// <summary>
    /// Draws the random numbers of a step on the host and uploads them, with the labels, before the recorded part of the step. A draw depends on
    /// seed, step and the image's place in the global batch alone, so that a resumed run and any number of processes draw the same.
    /// </summary>
    /// <param name="draw">The step.</param>
    void Sample(in StepDraw draw)
    {
    }

    /// <summary>Does what follows the optimizer, such as the update of a momentum encoder.</summary>
    /// <param name="step">Steps done, this one included.</param>
    void AfterStep(long step)
    {
    }

    /// <summary>What probes, export and fine-tuning read; it uses the method's tensors, so it must not outlive the method.</summary>
    /// <param name="probe">What is read of it.</param>
    /// <returns>The encoder.</returns>
    IEncoder Encoder(ProbeRecipe probe);
}

/// <summary>What a batch of a method must hold.</summary>
/// <param name="ImageSize">Side of an image, in pixels.</param>
/// <param name="Labels">Whether the method needs the class of each image.</param>
public sealed record MethodInput(int ImageSize, bool Labels = false);

/// <summary>One optimizer's share of a step: parameters, loss, schedule. A GAN has two: autoencoder, then discriminator.</summary>
/// <param name="Name">Its name: a prefix of the metrics and of the optimizer's tensors of every phase but the first.</param>
/// <param name="Parameters">What is optimized; allocated.</param>
/// <param name="Terms">The terms of the loss, in the order of <see cref="Loss"/>'s values.</param>
/// <param name="Loss">The values of the terms for a micro-batch, of the parameter type; recorded on the tape.</param>
public sealed record Phase(string Name, ParameterSet Parameters, IReadOnlyList<LossTerm> Terms, Func<Tape, MicroBatch, IReadOnlyList<Tensor>> Loss)
{
    /// <summary>The first step that the phase takes part in. Its optimizer counts from there.</summary>
    public long FirstStep { get; init; }

    /// <summary>Makes the optimizer from the recipe's options; AdamW with the recipe's betas and no decay of vectors and biases when not given.</summary>
    public Func<OptimizerOptions, Optimizer>? Optimizer { get; init; }

    /// <summary>Numbers that a step reports: each term and its parts.</summary>
    internal int Values => Terms.Sum(term => 1 + term.Parts.Count);
}

/// <summary>A term of a loss. The loss is the sum of its terms' weighted values.</summary>
/// <param name="Name">Under which name its value is reported, such as loss_reconstruction; null where the loss itself says it.</param>
/// <param name="Weight">Its weight in the loss.</param>
public sealed record LossTerm(string? Name = null, double Weight = 1)
{
    /// <summary>Names of the further elements of its value, which are reported and not differentiated.</summary>
    public IReadOnlyList<string> Parts { get; init; } = [];
}

/// <summary>The images of one pass of a step, on the device.</summary>
/// <param name="Images">U8 [B, H, W, 3].</param>
/// <param name="First">Place of the first image in this process's part of the batch.</param>
/// <param name="Step">Optimizer step, for what is random.</param>
/// <param name="FirstImage">Place of the first image in the global batch, for what is random.</param>
public readonly record struct MicroBatch(Tensor Images, int First, uint Step, long FirstImage)
{
    /// <summary>Number of images.</summary>
    public int Count => Images.Shape[0];
}

/// <summary>The step whose random numbers are drawn.</summary>
/// <param name="Step">Optimizer step.</param>
/// <param name="Images">Images of this process's part of the batch.</param>
/// <param name="FirstImage">Place of the first of them in the global batch.</param>
/// <param name="Labels">Class of each of them; empty where <see cref="MethodInput.Labels"/> is false.</param>
public readonly record struct StepDraw(uint Step, int Images, long FirstImage, IReadOnlyList<int> Labels);

/// <summary>What a method computes from the training images before its first step, such as principal components.</summary>
public interface IFitted
{
    /// <summary>The tensors that hold it in a model file.</summary>
    /// <returns>The tensors.</returns>
    IReadOnlyList<SafetensorsTensor> ToTensors();
}

/// <summary>Makes the methods of one kind. A new way of training is an <see cref="IMethod"/>, its factory, and a line in the catalogue.</summary>
public interface IMethodFactory
{
    /// <summary>The recipe with what the images decide, such as the number of classes.</summary>
    /// <param name="recipe">The resolved recipe.</param>
    /// <param name="images">The training images.</param>
    /// <returns>The recipe.</returns>
    Recipe Complete(Recipe recipe, IImageSource images) => recipe;

    /// <summary>Computes what must be known before the first step; rank 0 does it for all processes.</summary>
    /// <param name="run">The run, its recipe complete.</param>
    /// <param name="train">Indices of the training images.</param>
    /// <returns>What was fitted; null where there is nothing to fit.</returns>
    IFitted? Fit(RunOptions run, int[] train) => null;

    /// <summary>Reads what was fitted from a model file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="recipe">The resolved recipe of that file.</param>
    /// <returns>What was fitted; null where there is nothing to fit.</returns>
    IFitted? Read(SafetensorsFile file, Recipe recipe) => null;

    /// <summary>The parameters of a recipe's method by name and shape, without memory.</summary>
    /// <param name="backend">The device that they would be on.</param>
    /// <param name="recipe">The resolved recipe.</param>
    /// <returns>The parameters of each phase, not allocated.</returns>
    IReadOnlyList<ParameterSet> Declare(IBackend backend, Recipe recipe);

    /// <summary>Makes the method; its parameters start from the recipe's seed.</summary>
    /// <param name="backend">The device.</param>
    /// <param name="recipe">The resolved recipe.</param>
    /// <param name="fitted">What was fitted, where there is something to fit.</param>
    /// <returns>The method.</returns>
    IMethod Create(IBackend backend, Recipe recipe, IFitted? fitted);

    /// <summary>Makes the method with tensors that have no values, to walk a step. Where the images decide a size, it takes the usual one.</summary>
    /// <param name="backend">A planning device, or one that is made ready for a step.</param>
    /// <param name="recipe">The resolved recipe.</param>
    /// <returns>The method.</returns>
    IMethod Plan(IBackend backend, Recipe recipe);
}

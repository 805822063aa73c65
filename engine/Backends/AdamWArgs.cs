using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), one pass over flat buffers. With g the gradient times
/// the clip scale and r the learning rate times the element's scale: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
/// p = p (1 - r decay) - r (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).
/// </summary>
/// <param name="Values">Master parameters.</param>
/// <param name="Gradients">Their gradients.</param>
/// <param name="FirstMoment">m.</param>
/// <param name="SecondMoment">v.</param>
/// <param name="ClipScale">One element that multiplies the gradients; it stays on the device.</param>
public readonly record struct AdamWArgs(Tensor Values, Tensor Gradients, Tensor FirstMoment, Tensor SecondMoment, Tensor ClipScale)
{
    /// <summary>Step size.</summary>
    public required double LearningRate { get; init; }

    /// <summary>b1.</summary>
    public required double Beta1 { get; init; }

    /// <summary>b2.</summary>
    public required double Beta2 { get; init; }

    /// <summary>Added to the root.</summary>
    public required double Epsilon { get; init; }

    /// <summary>t, from 1.</summary>
    public required long Step { get; init; }

    /// <summary>Scale of the learning rate of each element, of the parameter type, or null for 1. It scales the weight decay too.</summary>
    public Tensor? RateScale { get; init; }

    /// <summary>Weight decay of each element, of the parameter type, or null for <see cref="WeightDecay"/> everywhere.</summary>
    public Tensor? Decay { get; init; }

    /// <summary>Weight decay of all elements, where <see cref="Decay"/> is null.</summary>
    public double WeightDecay { get; init; }

    /// <summary>A moving average of the values, updated with the new ones as <see cref="IKernels.Ema"/> does, or null.</summary>
    public Tensor? Average { get; init; }

    /// <summary>Share of the average that is kept.</summary>
    public double AverageDecay { get; init; }

    /// <summary>Where the new values go rounded to BF16, or null.</summary>
    public Tensor? Rounded { get; init; }

    /// <summary>
    /// F32 [4] on the device: <see cref="Numbers"/>, from which recorded work takes them at each replay. Work that is not recorded takes them
    /// from here, and a backend that records nothing does not read it.
    /// </summary>
    public Tensor? Schedule { get; init; }

    /// <summary>What changes with the step, as a kernel takes it: learning rate, 1 / (1 - b1^t) and 1 / (1 - b2^t).</summary>
    internal (float Rate, float Correction1, float Correction2) Numbers =>
        ((float)LearningRate, (float)(1 / (1 - Math.Pow(Beta1, Step))), (float)(1 / (1 - Math.Pow(Beta2, Step))));
}

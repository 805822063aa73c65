using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// Momentum descent on one parameter, g being the gradient times the clip scale: g += decay p; with a trust coefficient also
/// g *= trust |p| / |g| when both norms are positive, and g *= 1 when one is zero (LARS, You et al. 2017); m = momentum m + g; p -= lr m.
/// </summary>
/// <param name="Values">The parameter.</param>
/// <param name="Gradients">Its gradient.</param>
/// <param name="Velocity">m.</param>
public readonly record struct SgdArgs(Tensor Values, Tensor Gradients, Tensor Velocity)
{
    /// <summary>Step size.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Share of the velocity kept.</summary>
    public required double Momentum { get; init; }

    /// <summary>Weight decay, added to the gradient.</summary>
    public double Decay { get; init; }

    /// <summary>LARS's trust coefficient; 0 for plain momentum.</summary>
    public double Trust { get; init; }

    /// <summary>One element that multiplies the gradient, or null for 1; it stays on the device.</summary>
    public Tensor? ClipScale { get; init; }

    /// <summary>F32 [4] on the device whose first element is the learning rate, as <see cref="AdamWArgs.Schedule"/>.</summary>
    public Tensor? Schedule { get; init; }
}

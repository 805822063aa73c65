using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Optim;

/// <summary>
/// Stochastic gradient descent with momentum (<see cref="SgdArgs"/>): v = momentum v + g + decay p, p -= rate v. Neighbouring parameters of equal settings share a launch.
/// </summary>
public sealed class Sgd : Optimizer
{
    /// <summary>Allocates the velocity.</summary>
    /// <param name="parameters">The parameters to update; allocated.</param>
    /// <param name="options">Settings of each parameter, clipping, average; none when null.</param>
    public Sgd(ParameterSet parameters, OptimizerOptions? options = null)
        : base(parameters, options ??= new OptimizerOptions(), Runs(parameters, options)) => Velocity = parameters.NewFlat();

    /// <summary>Share of the velocity that a step keeps.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Sum of past steps, flat.</summary>
    public Tensor Velocity { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, Tensor Value)> State => [("sgd.velocity", Velocity)];

    private protected override void Launch(in Segment segment, double rate, Tensor? schedule) =>
        Backend.Sgd(new SgdArgs(Part(Parameters.Values, segment), Part(Parameters.Gradients, segment), Part(Velocity, segment))
        {
            LearningRate = rate,
            Momentum = Momentum,
            Decay = segment.WeightDecay,
            ClipScale = ClipScale,
            Schedule = schedule,
        });
}

/// <summary>
/// Momentum descent whose step is scaled by each parameter's size (LARS; You, Gitman and Ginsburg 2017): g + decay p is multiplied by trust |p| / |g + decay p|,
/// and by 1 where either norm is zero. Parameters of one axis have plain momentum: neither the ratio nor weight decay, regardless of their settings.
/// </summary>
public sealed class Lars : Optimizer
{
    /// <summary>Allocates the velocity.</summary>
    /// <param name="parameters">The parameters to update; allocated.</param>
    /// <param name="options">Settings of each parameter, clipping, average; none when null.</param>
    public Lars(ParameterSet parameters, OptimizerOptions? options = null)
        : base(parameters, options ??= new OptimizerOptions(), Each(parameters, options)) => Velocity = parameters.NewFlat();

    /// <summary>Share of the velocity that a step keeps.</summary>
    public double Momentum { get; init; } = 0.9;

    /// <summary>Size of a step relative to the parameter, at learning rate 1.</summary>
    public double Trust { get; init; } = 0.001;

    /// <summary>Sum of past steps, flat.</summary>
    public Tensor Velocity { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, Tensor Value)> State => [("lars.velocity", Velocity)];

    private protected override void Launch(in Segment segment, double rate, Tensor? schedule) =>
        Backend.Sgd(new SgdArgs(Part(Parameters.Values, segment), Part(Parameters.Gradients, segment), Part(Velocity, segment))
        {
            LearningRate = rate,
            Momentum = Momentum,
            Decay = segment.IsMatrix ? segment.WeightDecay : 0,
            Trust = segment.IsMatrix ? Trust : 0,
            ClipScale = ClipScale,
            Schedule = schedule,
        });
}

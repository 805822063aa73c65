using LDaeCore.Engine.Parameters;

namespace LDaeCore.Engine.Optim;

/// <summary>How an optimizer treats one parameter.</summary>
/// <param name="RateScale">Factor of the learning rate; 1 for the rate itself.</param>
/// <param name="WeightDecay">Weight decay; it takes effect in proportion to the scaled learning rate.</param>
public readonly record struct ParameterSettings(double RateScale, double WeightDecay)
{
    /// <summary>The learning rate itself and no weight decay.</summary>
    public static ParameterSettings Plain => new(1, 0);

    /// <summary>
    /// The usual rule of weight decay: none for parameters of one axis and those whose name ends in .bias, as biases and gains are few and mean
    /// something by themselves, and none for the named ones.
    /// </summary>
    /// <param name="decay">Weight decay of all others.</param>
    /// <param name="except">Full names of parameters without weight decay, such as cls_token and pos_embed.</param>
    /// <returns>The settings of each parameter.</returns>
    public static Func<Parameter, ParameterSettings> DecayMatrices(double decay, params IReadOnlyCollection<string> except) => parameter =>
        new(1, parameter.Decays && !parameter.Name.EndsWith(".bias", StringComparison.Ordinal) && !except.Contains(parameter.Name) ? decay : 0);
}

/// <summary>What all optimizers take.</summary>
public sealed record OptimizerOptions
{
    /// <summary>The settings of each parameter; read once, when the optimizer is made.</summary>
    public Func<Parameter, ParameterSettings> Settings { get; init; } = _ => ParameterSettings.Plain;

    /// <summary>One element on the device that multiplies all gradients, such as <see cref="Backends.IKernels.GlobalNorm"/> leaves it; null for 1.</summary>
    public Tensors.Tensor? ClipScale { get; init; }

    /// <summary>Share of the moving average of the parameters that a step keeps; 0 for no average.</summary>
    public double AverageDecay { get; init; }
}

using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Optim;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019; <see cref="AdamWArgs"/>), average and rounded copy in the same pass. Settings that differ
/// between parameters are tables of one value an element, so that one launch updates all.
/// </summary>
public sealed class AdamW : Optimizer
{
    private readonly PersistentTensor? _one;
    private readonly Tensor _clipScale;
    private readonly Tensor? _rateScales, _decays;

    /// <summary>Allocates the moments, and tables where settings differ.</summary>
    /// <param name="parameters">The parameters to update; allocated.</param>
    /// <param name="options">Settings of each parameter, clipping, average; none when null.</param>
    /// <param name="separate">
    /// Whether each parameter is updated by a launch of its own instead of by tables. Its learning rate is then the product with its scale in double precision, as in a
    /// parameter set of its own. For few parameters only.
    /// </param>
    public AdamW(ParameterSet parameters, OptimizerOptions? options = null, bool separate = false)
        : base(parameters, options ??= new OptimizerOptions(), separate ? Each(parameters, options) : Together(parameters, options))
    {
        FirstMoment = parameters.NewFlat();
        SecondMoment = parameters.NewFlat();
        if (!separate)
        {
            _rateScales = Table(options, settings => settings.RateScale);
            _decays = Table(options, settings => settings.WeightDecay);
        }

        _one = options.ClipScale is null ? new PersistentTensor(Backend, new Shape(1), Backend.ParameterType) : null;
        _clipScale = options.ClipScale ?? _one!.Tensor;
        if (_one is not null)
        {
            Backend.Fill(_clipScale, 1);
        }
    }

    /// <summary>Share of the first moment that a step keeps.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Share of the second moment that a step keeps.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Moving average of the gradients, flat.</summary>
    public Tensor FirstMoment { get; }

    /// <summary>Moving average of their squares, flat.</summary>
    public Tensor SecondMoment { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, Tensor Value)> State => [("adam.m", FirstMoment), ("adam.v", SecondMoment)];

    private protected override IEnumerable<Tensor> Tables => new[] { _rateScales, _decays }.OfType<Tensor>();

    private protected override bool IsFused => true;

    private protected override void Launch(in Segment segment, double rate, Tensor? schedule) => Backend.AdamW(Arguments(segment, rate) with { Schedule = schedule });

    private protected override void WriteNumbers(double rate, Span<float> numbers) =>
        (numbers[0], numbers[1], numbers[2]) = Arguments(new Segment(0, FirstMoment.Shape[0], 1, 0, IsMatrix: true), rate).Numbers;

    private protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _one?.Dispose();
    }

    /// <summary>One launch; what all parameters share is a number of it, and tables hold the rest.</summary>
    private static IReadOnlyList<Segment> Together(ParameterSet parameters, OptimizerOptions options)
    {
        ParameterSettings[] all = [.. parameters.All.Select(options.Settings)];
        double Shared(Func<ParameterSettings, double> value, double otherwise) => all.Select(value).Distinct().Take(2).ToArray() is [var one] ? one : otherwise;
        return Whole(parameters, Shared(settings => settings.RateScale, 1), Shared(settings => settings.WeightDecay, 0));
    }

    private AdamWArgs Arguments(in Segment segment, double rate) => new(
        Part(Parameters.Values, segment), Part(Parameters.Gradients, segment), Part(FirstMoment, segment), Part(SecondMoment, segment), _clipScale)
    {
        LearningRate = rate,
        Beta1 = Beta1,
        Beta2 = Beta2,
        Epsilon = Epsilon,
        Step = Steps + 1,
        RateScale = _rateScales,
        Decay = _decays,
        WeightDecay = segment.WeightDecay,
        Average = Average is null ? null : Part(Average, segment),
        AverageDecay = AverageDecay,
        Rounded = Parameters.Rounded is { } rounded ? Part(rounded, segment) : null,
    };

    /// <summary>A value of each element; null where it is the same for all parameters. Elements between two parameters have 0.</summary>
    private Tensor? Table(OptimizerOptions options, Func<ParameterSettings, double> value)
    {
        double[] values = [.. Parameters.All.Select(p => value(options.Settings(p)))];
        if (values.Distinct().Take(2).Count() < 2)
        {
            return null;
        }

        var table = Parameters.NewFlat();
        foreach (var (parameter, own) in Parameters.All.Zip(values).Where(entry => entry.Second != 0))
        {
            Backend.Fill(ParameterSet.View(table, parameter), own);
        }

        return table;
    }
}

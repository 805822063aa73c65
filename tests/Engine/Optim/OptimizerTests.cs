using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Tests.Engine.Backends;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Optim;

/// <summary>Optimizers over a parameter set, held against each optimizer's formula applied to one parameter after the other.</summary>
[TestFixture(DeviceKind.Reference, 1e-13)]
[TestFixture(DeviceKind.Cpu, 2e-6)]
public sealed class OptimizerTests(DeviceKind kind, double tolerance)
{
    private const int Steps = 4;
    private const double Clip = 0.5, AverageDecay = 0.75, Momentum = 0.8;

    private static readonly double[] Rates = [0.1, 0.05, 0.2, 0.01];

    private IBackend _backend = null!;
    private ParameterSet _parameters = null!;
    private PersistentTensor _clip = null!;
    private double[][] _values = null!;

    [SetUp]
    public void MakeParameters()
    {
        _backend = kind == DeviceKind.Cpu ? new CpuBackend(2) : new ReferenceBackend();
        _parameters = new ParameterSet(_backend);
        _parameters.Declare("stem.weight", new Shape(3, 7), Initializer.Normal(1));
        _parameters.Declare("stem.bias", new Shape(19), Initializer.Normal(1));
        _parameters.Declare("head.weight", new Shape(5, 19), Initializer.Normal(1));
        _parameters.Declare("head.bias", new Shape(5), Initializer.Normal(1));
        _parameters.Declare("head.table", new Shape(2, 2), Initializer.Zeros);
        _parameters.Allocate();
        _parameters.Initialize(7);
        _clip = new PersistentTensor(_backend, new Shape(1), _backend.ParameterType);
        _clip.Tensor.Write(_backend, [Clip]);
        _values = [.. _parameters.All.Select(p => p.Value.ReadDoubles(_backend))];
    }

    [TearDown]
    public void Free()
    {
        _clip.Dispose();
        _parameters.Dispose();
        _backend.Dispose();
    }

    [TestCase(1.0, 1.0, 0.0, 0.0)]
    [TestCase(1.0, 1.0, 0.1, 0.0)]
    [TestCase(0.25, 1.0, 0.1, 0.0)]
    [TestCase(0.25, 0.25, 0.1, 0.1)]
    [TestCase(0.0, 1.0, 0.0, 0.2)]
    public void AdamW_scales_rate_and_decay_of_each_parameter(double stem, double head, double decay, double biasDecay)
    {
        ParameterSettings Settings(Parameter p) => new(p.Name.StartsWith("stem", StringComparison.Ordinal) ? stem : head, p.Shape.Rank > 1 ? decay : biasDecay);
        foreach (var separate in new[] { false, true })
        {
            using var adam = new AdamW(_parameters, Options(Settings), separate) { Beta1 = 0.85, Beta2 = 0.95, Epsilon = 1e-6 };
            var moments = _values.Select(v => (M: new double[v.Length], V: new double[v.Length])).ToArray();
            Check(adam, (i, p, g, rate, step) =>
            {
                var ((m, v), settings) = (moments[i], Settings(_parameters.All[i]));
                for (var k = 0; k < p.Length; k++)
                {
                    m[k] = (0.85 * m[k]) + (0.15 * Clip * g[k]);
                    v[k] = (0.95 * v[k]) + (0.05 * Clip * Clip * g[k] * g[k]);
                    var move = m[k] / (1 - Math.Pow(0.85, step)) / (Math.Sqrt(v[k] / (1 - Math.Pow(0.95, step))) + 1e-6);
                    p[k] -= rate * settings.RateScale * (move + (settings.WeightDecay * p[k]));
                }
            });
            var tables = separate ? 0 : (stem == head ? 0 : 1) + (decay == biasDecay ? 0 : 1);
            Assert.That(adam.Bytes, Is.EqualTo((2 + tables) * _parameters.Values.Bytes), "a table where settings differ, and nowhere else");
            Assert.That(adam.State.Select(s => s.Name), Is.EqualTo(new[] { "adam.m", "adam.v" }));
            Assert.That(ParameterSet.View(adam.FirstMoment, _parameters.All[2]).ReadDoubles(_backend), Is.EqualTo(moments[2].M).Within(tolerance));
        }
    }

    [Test]
    public void Sgd_scales_rate_and_decay_of_each_parameter()
    {
        static ParameterSettings Settings(Parameter p) => new(p.Name.StartsWith("head", StringComparison.Ordinal) ? 3 : 1, p.Shape.Rank > 1 ? 0.1 : 0);
        using var sgd = new Sgd(_parameters, Options(Settings)) { Momentum = Momentum };
        var velocity = _values.Select(v => new double[v.Length]).ToArray();
        Check(sgd, (i, p, g, rate, _) =>
        {
            var settings = Settings(_parameters.All[i]);
            for (var k = 0; k < p.Length; k++)
            {
                velocity[i][k] = (Momentum * velocity[i][k]) + (Clip * g[k]) + (settings.WeightDecay * p[k]);
                p[k] -= rate * settings.RateScale * velocity[i][k];
            }
        });
        Assert.That(sgd.Bytes, Is.EqualTo(_parameters.Values.Bytes));
        Assert.That(sgd.State.Single().Value, Is.SameAs(sgd.Velocity));
    }

    [Test]
    public void Lars_takes_the_ratio_of_each_matrix_and_leaves_vectors_and_zeros_alone()
    {
        static ParameterSettings Settings(Parameter p) => new(p.Name.StartsWith("head", StringComparison.Ordinal) ? 3 : 1, 0.1);
        using var lars = new Lars(_parameters, Options(Settings)) { Momentum = Momentum, Trust = 0.02 };
        var velocity = _values.Select(v => new double[v.Length]).ToArray();
        Check(lars, (i, p, g, rate, step) =>
        {
            var matrix = _parameters.All[i].Shape.Rank > 1;
            double[] move = [.. g.Select((gradient, k) => (Clip * gradient) + (matrix ? 0.1 * p[k] : 0))];
            double Norm(double[] values) => Math.Sqrt(values.Sum(v => v * v));
            Assert.That(Norm(p) == 0, Is.EqualTo(i == 4 && step == 1), "one parameter starts at zero");
            var ratio = matrix && Norm(p) > 0 ? 0.02 * Norm(p) / Norm(move) : 1;
            for (var k = 0; k < p.Length; k++)
            {
                velocity[i][k] = (Momentum * velocity[i][k]) + (ratio * move[k]);
                p[k] -= rate * Settings(_parameters.All[i]).RateScale * velocity[i][k];
            }
        });
        Assert.That(lars.Bytes, Is.EqualTo(_parameters.Values.Bytes));
    }

    [Test]
    public void A_step_that_goes_on_needs_the_state_and_the_number_of_steps_alone()
    {
        using var whole = new AdamW(_parameters, Options(_ => ParameterSettings.Plain));
        Take(whole, 0, 2);
        var (values, state) = (_parameters.Values.ReadDoubles(_backend), whole.State.Select(s => s.Value.ReadDoubles(_backend)).ToArray());
        Take(whole, 2, 2);
        var expected = _parameters.Values.ReadDoubles(_backend);
        using var resumed = new AdamW(_parameters, Options(_ => ParameterSettings.Plain)) { Steps = 2 };
        _parameters.Values.Write(_backend, values);
        foreach (var (entry, saved) in resumed.State.Zip(state))
        {
            entry.Value.Write(_backend, saved);
        }

        Take(resumed, 2, 2);
        Assert.That(_parameters.Values.ReadDoubles(_backend), Is.EqualTo(expected));
        Assert.That(resumed.Steps, Is.EqualTo(4));
    }

    [Test]
    public void A_parameter_updated_by_itself_has_the_bits_of_a_set_of_its_own()
    {
        using var alone = new ParameterSet(_backend);
        var head = alone.Declare("head.weight", new Shape(5, 19), Initializer.Zeros);
        alone.Allocate();
        head.Value.Write(_backend, _values[2]);
        using var adam = new AdamW(_parameters, Options(p => new(p.Name == "head.weight" ? 0.3 : 1, 0.07)), separate: true);
        using var own = new AdamW(alone, Options(_ => new(1, 0.07)));
        for (var step = 0; step < Steps; step++)
        {
            Draw(step);
            head.Gradient.Write(_backend, _parameters.All[2].Gradient.ReadDoubles(_backend));
            adam.Step(Rates[step]);
            own.Step(0.3 * Rates[step]);
        }

        Assert.That(_parameters.All[2].Value.ReadDoubles(_backend), Is.EqualTo(head.Value.ReadDoubles(_backend)));
        Assert.That(ParameterSet.View(adam.Average!, _parameters.All[2]).ReadDoubles(_backend), Is.EqualTo(ParameterSet.View(own.Average!, head).ReadDoubles(_backend)));
    }

    [Test]
    public void Weight_decay_is_for_matrices_that_are_not_excepted()
    {
        var settings = ParameterSettings.DecayMatrices(0.3, "head.weight");
        Assert.That(_parameters.All.Select(p => settings(p).WeightDecay), Is.EqualTo(new[] { 0.3, 0, 0, 0, 0.3 }));
        Assert.That(_parameters.All.Select(p => settings(p).RateScale), Is.All.EqualTo(1));
    }

    [Test]
    public void Parameters_declared_one_behind_the_other_are_rows_of_one_matrix()
    {
        using var parameters = new ParameterSet(_backend);
        Parameter[] rows = [.. Enumerable.Range(0, 3).Select(i => parameters.Declare($"row{i}", new Shape(1, 5), Initializer.Constant(i), i == 0 ? 16 : 1))];
        var last = parameters.Declare("last", new Shape(2), Initializer.Constant(9));
        parameters.Allocate();
        parameters.Initialize(1);
        Assert.That(rows.Append(last).Select(p => p.Offset), Is.EqualTo(new[] { 0, 5, 10, 16 }));
        Assert.That(parameters.FlatCount, Is.EqualTo(32));
        Assert.That(parameters.Values.Slice(0, 18).ReadDoubles(_backend), Is.EqualTo(new double[] { 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 0, 9, 9 }));
    }

    private OptimizerOptions Options(Func<Parameter, ParameterSettings> settings) => new() { Settings = settings, ClipScale = _clip.Tensor, AverageDecay = AverageDecay };

    /// <summary>Steps with random gradients; values, averages and the zeros between parameters after each are those of the formula.</summary>
    private void Check(Optimizer optimizer, Action<int, double[], double[], double, int> formula)
    {
        foreach (var (parameter, start) in _parameters.All.Zip(_values))
        {
            parameter.Value.Write(_backend, start);
            ParameterSet.View(optimizer.Average!, parameter).Write(_backend, start);
        }

        var (values, averages) = (_values.Select(v => (double[])v.Clone()).ToArray(), _values.Select(v => (double[])v.Clone()).ToArray());
        for (var step = 0; step < Steps; step++)
        {
            Draw(step);
            optimizer.Step(Rates[step]);
            for (var i = 0; i < values.Length; i++)
            {
                var parameter = _parameters.All[i];
                formula(i, values[i], parameter.Gradient.ReadDoubles(_backend), Rates[step], step + 1);
                averages[i] = [.. averages[i].Zip(values[i], (a, v) => (AverageDecay * a) + ((1 - AverageDecay) * v))];
                Assert.That(Closeness.Error(parameter.Value.ReadDoubles(_backend), values[i]), Is.LessThan(tolerance), $"{parameter.Name} after step {step + 1}");
                Assert.That(
                    Closeness.Error(ParameterSet.View(optimizer.Average!, parameter).ReadDoubles(_backend), averages[i]), Is.LessThan(tolerance), $"average of {parameter.Name}");
            }
        }

        var inside = _parameters.All.SelectMany(p => Enumerable.Range((int)p.Offset, (int)p.Shape.Count)).ToHashSet();
        double[] between = [.. _parameters.Values.ReadDoubles(_backend).Where((_, i) => !inside.Contains(i))];
        Assert.That(between, Is.All.Zero);
        Assert.That(between, Is.Not.Empty);
        Assert.That(optimizer.Steps, Is.EqualTo(Steps));
    }

    private void Take(Optimizer optimizer, int first, int count)
    {
        for (var step = first; step < first + count; step++)
        {
            Draw(step);
            optimizer.Step(Rates[step]);
        }
    }

    private void Draw(int step)
    {
        foreach (var parameter in _parameters.All)
        {
            var gradient = new double[parameter.Shape.Count];
            Initializer.Normal(2).Fill((ulong)step + 100, parameter.Index, gradient);
            parameter.Gradient.Write(_backend, [.. gradient.Select(g => (double)(float)g)]);
        }
    }
}

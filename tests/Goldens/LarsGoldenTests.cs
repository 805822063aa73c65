using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Goldens;

/// <summary>LARS as MAE's linear probe has it: five steps on given gradients, and five of a whole probe.</summary>
[TestFixtureSource(typeof(GoldenBackend), nameof(GoldenBackend.All))]
public sealed class LarsGoldenTests(GoldenBackend backend)
{
    private static readonly string[] Names = ["matrix", "conv", "bias", "zero"];

    private readonly GoldenFile _file = GoldenFile.Open("lars");

    [Test]
    public void Five_steps_on_matrices_a_bias_and_zeros()
    {
        using var device = backend.New();
        using var parameters = new ParameterSet(device);
        foreach (var name in Names)
        {
            parameters.Declare(name, new Shape(_file.Sizes($"lars.{name}.start")), Initializer.Zeros);
        }

        parameters.Allocate();
        using var lars = Lars(parameters, "lars", _file.Values("lars.momentum")[0], _file.Values("lars.trust_coefficient")[0]);
        foreach (var parameter in parameters.All)
        {
            parameter.Value.Write(device, _file.Values($"lars.{parameter.Name}.start"));
        }

        for (var step = 0; step < 5; step++)
        {
            foreach (var parameter in parameters.All)
            {
                parameter.Gradient.Write(device, Step($"lars.{parameter.Name}.grads", step));
            }

            lars.Step(_file.Values("lars.lr")[0]);
            foreach (var parameter in parameters.All)
            {
                Compare($"lars.{parameter.Name}.values", step, parameter.Value.ReadDoubles(device));
                Compare($"lars.{parameter.Name}.mu", step, ParameterSet.View(lars.Velocity, parameter).ReadDoubles(device));
            }
        }

        Assert.That(lars.Steps, Is.EqualTo(5));
    }

    [Test]
    public void Five_steps_of_a_probe_behind_batch_normalisation()
    {
        using var device = backend.New();
        int[] sizes = _file.Sizes("head.features");
        int rows = sizes[1], channels = sizes[2], classes = _file.Sizes("head.weight0")[0];
        using var parameters = new ParameterSet(device);
        var weight = parameters.Declare("weight", new Shape(classes, channels), Initializer.Zeros);
        var bias = parameters.Declare("bias", new Shape(classes), Initializer.Zeros);
        parameters.Allocate();
        weight.Value.Write(device, _file.Values("head.weight0"));
        using var lars = Lars(parameters, "head", 0.9, 0.001);
        using var memory = new Memory(device);
        Tensor x = memory.New(rows, channels), y = memory.New(rows, channels), mean = memory.New(channels), rstd = memory.New(channels);
        Tensor logits = memory.New(rows, classes), dLogits = memory.New(rows, classes), loss = memory.New(1), labels = memory.New(DType.I32, rows);
        for (var step = 0; step < 5; step++)
        {
            x.Write(device, Step("head.features", step));
            device.Upload<int>([.. Step("head.labels", step).Select(label => (int)label)], labels);
            device.BatchNorm(x, y, mean, rstd);
            device.MatMul(new MatMulArgs(y, false, weight.Value, true, logits) { Bias = bias.Value });
            device.SoftmaxCrossEntropy(logits, labels, loss, dLogits);
            device.MatMul(new MatMulArgs(dLogits, true, y, false, weight.Gradient));
            device.SumRows(dLogits, bias.Gradient, false);
            Compare("head.losses", step, loss.ReadDoubles(device));
            Compare("head.logits", step, logits.ReadDoubles(device));
            Compare("head.weight_grad", step, weight.Gradient.ReadDoubles(device));
            lars.Step(_file.Values("head.lr")[0]);
            Compare("head.weights", step, weight.Value.ReadDoubles(device));
            Compare("head.biases", step, bias.Value.ReadDoubles(device));
        }
    }

    private Lars Lars(ParameterSet parameters, string run, double momentum, double trust) =>
        new(parameters, new OptimizerOptions { Settings = _ => new ParameterSettings(1, _file.Values($"{run}.weight_decay")[0]) }) { Momentum = momentum, Trust = trust };

    private double[] Step(string name, int step)
    {
        var values = _file.Values(name);
        var each = values.Length / 5;
        return values[(step * each)..((step + 1) * each)];
    }

    private void Compare(string name, int step, double[] actual) =>
        Assert.That(GoldenComparison.Error(Step(name, step), actual), Is.LessThanOrEqualTo(backend.Tolerance), $"{name} after step {step + 1}");

    private sealed class Memory(IBackend backend) : IDisposable
    {
        private readonly List<PersistentTensor> _tensors = [];

        public Tensor New(params int[] sizes) => New(backend.ParameterType, sizes);

        public Tensor New(DType type, params int[] sizes)
        {
            _tensors.Add(new PersistentTensor(backend, new Shape(sizes), type));
            return _tensors[^1].Tensor;
        }

        public void Dispose() => _tensors.ForEach(tensor => tensor.Dispose());
    }
}

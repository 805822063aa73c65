using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>Optimizers inside recorded work on the emulated device: each replay has its own step's numbers, also where one recording holds several.</summary>
public sealed class OptimizerRecordingTests
{
    private const int Steps = 5;

    [TestCase(DType.F32)]
    [TestCase(DType.BF16)]
    public void Replays_of_several_optimizers_have_the_bits_of_direct_steps(DType type)
    {
        Assert.That(Train(type, replay: true), Is.EqualTo(Train(type, replay: false)));
    }

    [Test]
    public void A_step_without_a_schedule_is_not_recorded()
    {
        using var backend = Open(DType.F32);
        using var parameters = Parameters(backend, 1);
        using var sgd = new Sgd(parameters);
        using var adam = new AdamW(parameters);
        Draw(parameters, 0);
        sgd.Step(0.1);
        adam.Step(0.1);
        Assert.That(() => backend.Record(sgd.Update), Throws.InvalidOperationException.With.Message.Contains("schedule"));
        Assert.That(() => backend.Record(adam.Update), Throws.InvalidOperationException.With.Message.Contains("schedule"));
    }

    /// <summary>Five steps of four optimizers with rates of their own; all values, averages and rounded copies.</summary>
    private static List<float[]> Train(DType type, bool replay)
    {
        using var backend = Open(type);
        ParameterSet[] sets = [.. Enumerable.Range(1, 4).Select(i => Parameters(backend, i))];
        static ParameterSettings Settings(Parameter p) => new(p.Name == "b" ? 0.25 : 1, p.Shape.Rank > 1 ? 0.1 : 0);
        var options = new OptimizerOptions { Settings = Settings, AverageDecay = 0.75 };
        Optimizer[] optimizers = [
            new AdamW(sets[0], options), new AdamW(sets[1], options, separate: true) { Beta1 = 0.5 }, new Sgd(sets[2], options), new Lars(sets[3], options) { Trust = 0.1 }];
        Array.ForEach(sets, set => set.Round());
        void UpdateAll() => Array.ForEach(optimizers, optimizer => optimizer.Update());
        IRecordedWork? recorded = null;
        for (var step = 0; step < Steps; step++)
        {
            for (var i = 0; i < sets.Length; i++)
            {
                Draw(sets[i], step);
                optimizers[i].Begin(Rate(step, i));
            }

            if (!replay || step == 0)
            {
                UpdateAll();
            }
            else
            {
                recorded ??= backend.Record(UpdateAll);
                recorded.Run();
            }

            Array.ForEach(optimizers, optimizer => optimizer.Steps++);
        }

        recorded?.Dispose();
        List<float[]> found = [];
        for (var i = 0; i < sets.Length; i++)
        {
            found.AddRange([sets[i].Values.ReadFloats(backend), optimizers[i].Average!.ReadFloats(backend)]);
            if (sets[i].Rounded is { } rounded)
            {
                var bits = new ushort[rounded.Shape.Count];
                backend.Download(rounded, bits.AsSpan());
                Assert.That(bits, Is.EqualTo(sets[i].Values.ReadFloats(backend).Select(BFloat16.Bits)));
            }

            optimizers[i].Dispose();
            sets[i].Dispose();
        }

        return found;
    }

    private static double Rate(int step, int optimizer) => 0.1 / ((step + 1) * (optimizer + 2));

    private static CudaBackend Open(DType type) =>
        new(EmulatedBackendTests.Device(), new CudaOptions { ActivationType = type, Warn = message => TestContext.Out.WriteLine(message) });

    private static ParameterSet Parameters(CudaBackend backend, int seed)
    {
        var parameters = new ParameterSet(backend);
        parameters.Declare("a", new Shape(7, 5), Initializer.Normal(1));
        parameters.Declare("b", new Shape(9, 3), Initializer.Normal(1));
        parameters.Declare("bias", new Shape(9), Initializer.Normal(1));
        parameters.Allocate();
        parameters.Initialize((ulong)seed);
        return parameters;
    }

    private static void Draw(ParameterSet parameters, int step)
    {
        foreach (var parameter in parameters.All)
        {
            var gradient = new double[parameter.Shape.Count];
            Initializer.Normal(1).Fill((ulong)step + 50, parameter.Index, gradient);
            parameter.Gradient.Write(parameters.Backend, gradient);
        }
    }
}

using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Methods;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using LDaeCore.Tests.Engine.Ops;
using NUnit.Framework;

namespace LDaeCore.Tests.Model;

/// <summary>The whole l-DAE loss differentiated with respect to every parameter, on random parameters.</summary>
public sealed class WholeLossGradientTests
{
    [TestCase(true)]
    [TestCase(false)]
    public void Every_parameter_gradient_agrees_with_central_differences(bool time)
    {
        using var backend = new ReferenceBackend();
        Assert.That(LargestError(backend, time), Is.LessThanOrEqualTo(1e-6));
    }

    private static IEnumerable<TestCaseData> Systems()
    {
        static TestCaseData Case(string name, PredictionTarget target, InputSpace input, OutputSpace output, bool label = false, bool identity = false, bool time = true) =>
            new TestCaseData(new ObjectiveRecipe { Target = target, Input = input, Output = output }, label, identity, time).SetArgDisplayNames(name);

        yield return Case("DiT", PredictionTarget.Noise, InputSpace.Latent, OutputSpace.Latent, label: true);
        yield return Case("DiT, told the class alone", PredictionTarget.Noise, InputSpace.Latent, OutputSpace.Latent, label: true, time: false);
        yield return Case("no class", PredictionTarget.Noise, InputSpace.Latent, OutputSpace.Latent);
        yield return Case("pixels for latents", PredictionTarget.Noise, InputSpace.Latent, OutputSpace.Latent, identity: true);
        yield return Case("clean latents", PredictionTarget.Clean, InputSpace.Latent, OutputSpace.Latent);
        yield return Case("pixel input", PredictionTarget.Clean, InputSpace.Pixels, OutputSpace.Latent);
        yield return Case("pixel output", PredictionTarget.Clean, InputSpace.Pixels, OutputSpace.Pca);
        yield return Case("classical DAE", PredictionTarget.Clean, InputSpace.Pixels, OutputSpace.Original, identity: true);
    }

    [TestCaseSource(nameof(Systems))]
    public void The_gradients_of_every_system_agree_with_central_differences(ObjectiveRecipe objective, bool label, bool identity, bool time)
    {
        using var backend = new ReferenceBackend();
        using var denoiser = new SmallDenoiser(backend, time, objective: objective, label: label, identity: identity);
        Assert.That(LargestError(backend, denoiser.Parameters, denoiser.Gradients, denoiser.Loss), Is.LessThanOrEqualTo(1e-6));
    }

    [TestCase("method.kind=autoencoder", "tokenizer.kind=patchAe")]
    [TestCase("method.kind=autoencoder", "tokenizer.kind=patchVae", "tokenizer.klWeight=0.3")]
    [TestCase("method.kind=supervised", "conditioning.classes=5", "network.depth=4", "network.encoderDepth=2")]
    public void The_gradients_of_a_method_agree_with_central_differences(params string[] settings)
    {
        using var backend = new ReferenceBackend();
        var recipe = RecipeFields.Apply(
            new Recipe(),
            ["data.imageSize=4", "tokenizer.patch=2", "tokenizer.dim=3", "network.width=8", "network.heads=2", "train.seed=5", .. settings]).Resolve();
        using var method = MethodCatalog.Of(recipe).Create(backend, recipe, fitted: null);
        using var images = new PersistentTensor(backend, new Shape(2, 4, 4, 3), DType.U8);
        backend.Upload<byte>(Enumerable.Range(0, 2 * 4 * 4 * 3).Select(i => (byte)(i * 37 % 256)).ToArray(), images.Tensor);
        using var arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
        method.Allocate(2);
        method.Sample(new StepDraw(1, 2, 0, [3, 1]));
        var phase = method.Phases[0];
        Assert.That(LargestError(backend, phase.Parameters, Gradients, Loss), Is.LessThanOrEqualTo(1e-6));

        double Loss()
        {
            var values = phase.Loss(new Tape(backend, arena), new MicroBatch(images.Tensor, 0, 1, 0));
            var loss = phase.Terms.Zip(values).Sum(term => term.First.Weight * term.Second.ReadDoubles(backend)[0]);
            arena.Reset();
            return loss;
        }

        Dictionary<string, double[]> Gradients()
        {
            phase.Parameters.ForgetGradients();
            var tape = new Tape(backend, arena);
            foreach (var (term, value) in phase.Terms.Zip(phase.Loss(tape, new MicroBatch(images.Tensor, 0, 1, 0))))
            {
                tape.Outgoing(value, out _).Write(backend, [term.Weight, .. new double[term.Parts.Count]]);
            }

            tape.Backward();
            arena.Reset();
            return phase.Parameters.All.ToDictionary(p => p.Name, p => p.Gradient.ReadDoubles(backend));
        }
    }

    /// <summary>The largest error of a parameter's gradient along a random direction; infinite for one without a gradient.</summary>
    internal static double LargestError(IBackend backend, bool time)
    {
        using var denoiser = new SmallDenoiser(backend, time);
        return LargestError(backend, denoiser.Parameters, denoiser.Gradients, denoiser.Loss);
    }

    private static double LargestError(IBackend backend, ParameterSet parameters, Func<Dictionary<string, double[]>> differentiate, Func<double> loss)
    {
        var gradients = differentiate();
        var largest = 0.0;
        foreach (var parameter in parameters.All)
        {
            var start = parameter.Value.ReadDoubles(backend);
            var gradient = gradients[parameter.Name];
            var direction = Direction((uint)parameter.Index, gradient.Length);
            var analytic = gradient.Zip(direction, (g, d) => g * d).Sum();
            var norm = Math.Sqrt(gradient.Sum(g => g * g));
            var error = CentralDifference.Error(analytic, norm, h =>
            {
                parameter.Value.Write(backend, start.Zip(direction, (v, d) => v + (h * d)).ToArray());
                return loss();
            });
            parameter.Value.Write(backend, start);
            largest = Math.Max(largest, norm > 1e-8 ? error : double.PositiveInfinity);
        }

        return largest;
    }

    private static double[] Direction(uint parameter, int count) => [.. Enumerable.Range(0, count).Select(i => Philox.Normals<double>(
        Philox.Word(9, RandomStream.Case, parameter, (ulong)(2 * i)), Philox.Word(9, RandomStream.Case, parameter, (ulong)(2 * i) + 1)).First)];

    [TestCase(true)]
    [TestCase(false)]
    public void Recompute_gives_bit_identical_gradients(bool time)
    {
        using var backend = new ReferenceBackend();
        using var kept = new SmallDenoiser(backend, time);
        using var recomputed = new SmallDenoiser(backend, time, recompute: true);
        var expected = kept.Gradients();
        var actual = recomputed.Gradients();
        foreach (var (name, gradient) in expected)
        {
            Assert.That(actual[name], Is.EqualTo(gradient), name);
        }
    }
}

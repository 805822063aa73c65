using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Encoders;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Recipes;
using LDaeCore.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

/// <summary>A method of two phases, the second of which starts late and has an optimizer of its own, as a discriminator has.</summary>
public sealed class TwoPhaseTests : FolderPerTest
{
    private const int Steps = 8, Start = 3, Side = 8, Patch = 4, Code = 6;
    private const double Rate = 0.01;

    /// <summary>Until its first step the judge stays as it is; then it takes the steps of an optimizer that begins.</summary>
    [Test]
    public void The_second_phase_takes_the_steps_of_a_fresh_optimizer_from_its_first_step_on()
    {
        using var backend = new CpuBackend(1);
        using var method = new Pair(backend, Toy.Recipe("train.batch=4"));
        using var byHand = new Pair(backend, method.Recipe);
        using var trainer = new Trainer(method, MemoryPlan.Of(new Factory(), method.Recipe, DType.F32, DType.F32));
        using var coder = new AdamW(byHand.Coder) { Beta1 = method.Recipe.Train.Beta1, Beta2 = method.Recipe.Train.Beta2 };
        using var judge = NewOptimizer(byHand.Judge, new OptimizerOptions());
        using var arena = new StepArena(backend, 1 << 20, StepArena.DefaultMode);
        using var images = new PersistentTensor(backend, new Shape(4, Side, Side, 3), DType.U8);
        var pixels = new byte[images.Tensor.Bytes];
        new Random(3).NextBytes(pixels);
        backend.Upload<byte>(pixels, images.Tensor);
        var untrained = Values(method.Judge);
        for (var step = 0; step < Steps; step++)
        {
            var result = FixedImages.Step(trainer, pixels, Rate);
            Descend(byHand.Phases[0], coder);
            if (step >= Start)
            {
                Descend(byHand.Phases[1], judge);
            }

            Assert.That(Values(method.Coder), Is.EqualTo(Values(byHand.Coder)), $"step {step}");
            Assert.That(Values(method.Judge), Is.EqualTo(Values(byHand.Judge)), $"step {step}");
            Assert.That(Values(method.Judge), step < Start ? Is.EqualTo(untrained) : Is.Not.EqualTo(untrained), $"step {step}");
            Assert.That(result.Metrics.Any(metric => metric.Name == "judge_loss"), Is.EqualTo(step >= Start), $"step {step}");
        }

        float[] Values(ParameterSet parameters) => parameters.Values.ReadFloats(backend);

        void Descend(Phase phase, Optimizer optimizer)
        {
            phase.Parameters.ForgetGradients();
            var tape = new Tape(backend, arena);
            tape.Backward(phase.Loss(tape, new MicroBatch(images.Tensor, 0, 0, 0))[0]);
            phase.Parameters.ZeroUntouchedGradients();
            optimizer.Step(Rate);
            arena.Reset();
        }
    }

    [Test]
    public void A_run_cut_between_the_phases_first_steps_or_after_them_ends_in_the_same_bits([Values(2, 5)] int cut)
    {
        using var backend = new CpuBackend(1);
        var recipe = Toy.Recipe($"train.steps={Steps}", "train.checkpointEvery=1");
        var (whole, parts) = (NewFolder("whole"), NewFolder("parts"));
        Train(recipe, whole, false, default);
        using (var stop = new CancellationTokenSource())
        {
            Train(recipe, parts, false, stop.Token, step => { if (step == cut) { stop.Cancel(); } });
        }

        Assert.That(Directory.GetDirectories(Path.Combine(parts, RunFiles.Checkpoints)).Order().Last(), Does.EndWith($"{cut}"));
        Train(recipe, parts, true, default);
        Assert.That(Toy.Last(parts), Is.EqualTo(Toy.Last(whole)));

        string NewFolder(string name) => Directory.CreateDirectory(Folder[name]).FullName;

        void Train(Recipe of, string folder, bool resume, CancellationToken cancellation, Action<long>? onStep = null) => new TrainingRun(
            new Factory(),
            Toy.Options(of, backend, folder) with { Resume = resume, Cancellation = cancellation, OnStep = (step, _, _, _, _) => onStep?.Invoke(step) }).Run();
    }

    private static AdamW NewOptimizer(ParameterSet parameters, OptimizerOptions options) => new(parameters, options) { Beta1 = 0.5, Beta2 = 0.9 };

    /// <summary>A coder that makes its codes small, and a judge of codes that wants to say 1.</summary>
    private sealed class Pair : IMethod
    {
        private readonly LinearLayer _code, _judge;
        private readonly PersistentTensor _range, _zeros, _ones;

        public Pair(IBackend backend, Recipe recipe)
        {
            (Backend, Recipe, Coder, Judge) = (backend, recipe, new ParameterSet(backend), new ParameterSet(backend));
            (_code, _judge) = Declare(Coder, Judge);
            foreach (var set in new[] { Coder, Judge })
            {
                set.Allocate();
                set.Initialize(recipe.Train.Seed);
            }

            var tokens = recipe.Train.MicroBatch * (Side / Patch) * (Side / Patch);
            _range = Constant(new Shape(2, 3), backend.ParameterType, [.. PixelRange.Symmetric.ToArray()]);
            _zeros = Constant(new Shape(tokens, Code), backend.ActivationType, new double[tokens * Code]);
            _ones = Constant(new Shape(tokens, 1), backend.ActivationType, [.. Enumerable.Repeat(1.0, tokens)]);
            Phases =
            [
                new Phase("coder", Coder, [new LossTerm()], (tape, batch) => [SquaredError.Apply(tape, Codes(tape, batch), _zeros.Tensor)]),
                new Phase("judge", Judge, [new LossTerm()], JudgeLoss) { FirstStep = Start, Optimizer = options => NewOptimizer(Judge, options) },
            ];
        }

        public IBackend Backend { get; }

        public Recipe Recipe { get; }

        public ParameterSet Coder { get; }

        public ParameterSet Judge { get; }

        public MethodInput Input => new(Side);

        public IReadOnlyList<Phase> Phases { get; }

        public static (LinearLayer Code, LinearLayer Judge) Declare(ParameterSet coder, ParameterSet judge) =>
            (new LinearLayer(coder, "code", Patch * Patch * 3, Code), new LinearLayer(judge, "judge", Code, 1));

        public IEncoder Encoder(ProbeRecipe probe) => throw new NotSupportedException();

        public void Dispose()
        {
            foreach (var tensor in new IDisposable[] { _range, _zeros, _ones, Coder, Judge })
            {
                tensor.Dispose();
            }
        }

        private Tensor Codes(Tape tape, MicroBatch batch)
        {
            var patches = Patchify.Apply(tape, batch.Images, Patch, _range.Tensor);
            return _code.Apply(tape, patches.Reshape(patches.Shape.Rows, patches.Shape.Columns));
        }

        private IReadOnlyList<Tensor> JudgeLoss(Tape tape, MicroBatch batch)
        {
            var codes = tape.WithoutRecording(() => [Codes(tape, batch)])[0];
            return [SquaredError.Apply(tape, _judge.Apply(tape, codes), _ones.Tensor)];
        }

        private PersistentTensor Constant(Shape shape, DType type, double[] values)
        {
            var tensor = new PersistentTensor(Backend, shape, type);
            tensor.Tensor.Write(Backend, values);
            return tensor;
        }
    }

    private sealed class Factory : IMethodFactory
    {
        public IReadOnlyList<ParameterSet> Declare(IBackend backend, Recipe recipe)
        {
            ParameterSet[] sets = [new(backend), new(backend)];
            Pair.Declare(sets[0], sets[1]);
            return sets;
        }

        public IMethod Create(IBackend backend, Recipe recipe, IFitted? fitted) => new Pair(backend, recipe);

        public IMethod Plan(IBackend backend, Recipe recipe) => new Pair(backend, recipe);
    }
}

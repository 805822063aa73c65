using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>One phase of a method with its optimizer: gradients of a step, what they amount to, and the update.</summary>
public sealed class PhaseTrainer : IDisposable
{
    private readonly IBackend _backend;
    private readonly TrainRecipe _train;
    private readonly StepArena _arena;
    private readonly ICommunicator _group;
    private readonly BatchPart _part;
    private readonly int _micro;
    private readonly PersistentTensor _found, _clipScale;
    private readonly PersistentTensor[] _shares;
    private readonly Optimizer _optimizer;
    private readonly RecordedWork _differentiate, _update;
    private Moment _now;
    private long _summed;

    internal PhaseTrainer(Phase phase, TrainRecipe train, IBackend backend, IDeviceBackend? device, StepArena arena, ICommunicator group, BatchPart part)
    {
        (Phase, _train, _backend, _arena, _group, _part, _micro) = (phase, train, backend, arena, group, part, part.Count / train.Accumulate);
        _found = new PersistentTensor(backend, new Shape((train.Accumulate * phase.Values) + 1), backend.ParameterType);
        _clipScale = new PersistentTensor(backend, new Shape(1), backend.ParameterType);
        _optimizer = NewOptimizer(phase, train, _clipScale.Tensor);
        _shares = [.. phase.Terms.Select(term => Share(term, 1.0 / (train.Accumulate * group.Size)))];
        _differentiate = new RecordedWork(device, Differentiate);
        _update = new RecordedWork(device, Update);
    }

    /// <summary>The phase.</summary>
    public Phase Phase { get; }

    /// <summary>The moving average of the parameters, flat, or null.</summary>
    public Tensor? Average => _optimizer.Average;

    /// <summary>Every tensor that the optimizer goes on from, by name.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> State => _optimizer.State;

    /// <summary>Whether the phase's work is replayed from a recording by now.</summary>
    public bool IsReplaying => _differentiate.IsRecorded && _update.IsRecorded;

    /// <summary>Frees what a step needs; the optimizer's state belongs to the parameter set.</summary>
    public void Dispose()
    {
        _differentiate.Dispose();
        _update.Dispose();
        _optimizer.Dispose();
        _found.Dispose();
        _clipScale.Dispose();
        foreach (var share in _shares)
        {
            share.Dispose();
        }
    }

    /// <summary>Runs forward and backward pass of one micro-batch; gradients are added to what the parameters hold.</summary>
    /// <param name="phase">What is differentiated.</param>
    /// <param name="tape">Records it; its arena is reset by the caller.</param>
    /// <param name="batch">The images.</param>
    /// <param name="shares">The gradient of each term's value.</param>
    /// <param name="found">Where the terms' values go, one after the other.</param>
    internal static void Differentiate(Phase phase, Tape tape, MicroBatch batch, IReadOnlyList<Tensor> shares, Tensor found)
    {
        var values = phase.Loss(tape, batch);
        var at = 0;
        for (var i = 0; i < values.Count; i++)
        {
            var count = (int)values[i].Shape.Count;
            tape.Backend.Copy(values[i], found.Slice(at, count));
            at += count;
            if (values[i].RequiresGradient)
            {
                tape.Backend.Copy(shares[i], tape.Outgoing(values[i], out _));
            }
        }

        tape.Backward();
    }

    /// <summary>A phase's optimizer: its own, or the recipe's.</summary>
    /// <param name="phase">What is optimized.</param>
    /// <param name="train">The recipe.</param>
    /// <param name="clipScale">Multiplies the gradients; null for 1.</param>
    internal static Optimizer NewOptimizer(Phase phase, TrainRecipe train, Tensor? clipScale = null)
    {
        var options = new OptimizerOptions { Settings = ParameterSettings.DecayMatrices(train.WeightDecay), ClipScale = clipScale, AverageDecay = train.Ema };
        return phase.Optimizer?.Invoke(options) ?? new AdamW(phase.Parameters, options) { Beta1 = train.Beta1, Beta2 = train.Beta2 };
    }

    /// <summary>Asks for all of a step's work once, for a device that prepares its kernels.</summary>
    internal void WarmUp(Moment now)
    {
        _now = now;
        Differentiate();
        Update();
    }

    /// <summary>Forgets recorded work, and makes anew the copy of the parameters that products read: they may have been written.</summary>
    internal void Restart()
    {
        _differentiate.Forget();
        Phase.Parameters.Round();
    }

    /// <summary>Computes gradients, losses and norm.</summary>
    internal void Differentiate(Moment now)
    {
        _now = now;
        _differentiate.Run();
    }

    /// <summary>Updates the parameters.</summary>
    internal void Update(Moment now)
    {
        _now = now;
        _optimizer.Steps = now.Step - Phase.FirstStep;
        _optimizer.Step(now.LearningRate, _update.Run);
    }

    /// <summary>The losses of the micro-batches and the norm, by one small copy; the losses are means over all processes.</summary>
    /// <exception cref="NonFiniteStepException">The loss or the gradient is not a finite number.</exception>
    internal StepResult Found(Moment now)
    {
        var (accumulate, count) = (_train.Accumulate, Phase.Values);
        var found = _found.Tensor.ReadDoubles(_backend);
        Span<double> mine = stackalloc double[count + 1];
        for (var i = 0; i < accumulate * count; i++)
        {
            mine[i % count] += found[i] / accumulate;
        }

        // The norm is of the sum, which all have: all take rank 0's, so that all decide alike.
        mine[count] = found[^1];
        var all = _group.Gather(mine);
        double[] means = [.. Enumerable.Range(0, count).Select(value => Enumerable.Range(0, _group.Size).Sum(rank => all[(rank * (count + 1)) + value]) / _group.Size)];
        var result = Named(means, now.LearningRate, all[count]);
        return double.IsFinite(result.Loss) && double.IsFinite(result.GradientNorm) ? result : throw Diagnosis(result, now.Step);
    }

    private StepResult Named(double[] means, double learningRate, double norm)
    {
        var (loss, at) = (0.0, 0);
        var metrics = new List<(string, double)>();
        foreach (var term in Phase.Terms)
        {
            loss += term.Weight * means[at];
            if (term.Name is { } name)
            {
                metrics.Add((name, means[at]));
            }

            at++;
            foreach (var part in term.Parts)
            {
                metrics.Add((part, means[at++]));
            }
        }

        return new StepResult(loss, learningRate, norm) { Metrics = metrics };
    }

    /// <summary>The gradient of a term's value: its weight over the number of micro-batches, and nothing for its parts.</summary>
    private PersistentTensor Share(LossTerm term, double share)
    {
        var tensor = new PersistentTensor(_backend, new Shape(1 + term.Parts.Count), _backend.ParameterType);
        tensor.Tensor.Write(_backend, [term.Weight * share, .. new double[term.Parts.Count]]);
        return tensor;
    }

    /// <summary>Gradients of all micro-batches, their losses, and the gradient's norm: nothing in it waits for the host or asks it.</summary>
    private void Differentiate()
    {
        var (parameters, count) = (Phase.Parameters, Phase.Values);
        Tensor[] shares = [.. _shares.Select(share => share.Tensor)];
        parameters.ForgetGradients();
        _summed = parameters.FlatCount;
        for (var micro = 0; micro < _train.Accumulate; micro++)
        {
            var first = micro * _micro;
            var tape = new Tape(_backend, _arena) { Passed = _now.Shares && micro == _train.Accumulate - 1 ? SumFrom : null };
            var batch = new MicroBatch(_now.Images.MicroBatch(micro), first, (uint)_now.Step, _part.First + first);
            Differentiate(Phase, tape, batch, shares, _found.Tensor.Slice(micro * count, count));
            _arena.Reset();
        }

        if (_now.Shares)
        {
            SumFrom(0);

            // On the processor this is what the backward pass did not hide.
            using var range = Ranges.Open("sums");
            _group.FinishSums();
        }
        else
        {
            parameters.ZeroUntouchedGradients();
        }

        _backend.GlobalNorm(parameters.Gradients, _train.Clip, _found.Tensor.Slice(_train.Accumulate * count, 1), _clipScale.Tensor);
    }

    /// <summary>
    /// The last micro-batch's backward pass has come to the first element of a block: what lies from there to the block after it is summed over the processes
    /// while the pass goes on.
    /// </summary>
    private void SumFrom(long element)
    {
        if (element < _summed)
        {
            Phase.Parameters.ZeroUntouchedGradients(element, _summed);
            _group.BeginSum(Phase.Parameters.Gradients.Slice((int)element, (int)(_summed - element)));
            _summed = element;
        }
    }

    private void Update()
    {
        using var range = Ranges.Open("optimizer");
        _optimizer.Update();
    }

    private NonFiniteStepException Diagnosis(StepResult result, long step)
    {
        var broken = Phase.Parameters.All.FirstOrDefault(p => p.Gradient.ReadDoubles(_backend).Any(g => !double.IsFinite(g)));
        var where = broken is null ? "every gradient is finite" : $"the first gradient that is not finite is that of {broken.Name}";
        var parts = result.Metrics.Count == 0 ? "" : $" ({string.Join(", ", result.Metrics.Select(metric => $"{metric.Name} {metric.Value}"))})";
        return new NonFiniteStepException(
            $"Step {step + 1} has loss {result.Loss}{parts} and gradient norm {result.GradientNorm} at learning rate {result.LearningRate:G4}; {where}.",
            "Start a run with a lower train.lr, a longer train.warmup, or train.clip=1.");
    }

    /// <summary>What a phase's work of a step depends on.</summary>
    /// <param name="Images">Where the images come from.</param>
    /// <param name="Step">Steps done before.</param>
    /// <param name="LearningRate">Learning rate.</param>
    /// <param name="Shares">Whether gradients are summed over processes.</param>
    internal readonly record struct Moment(IStepImages Images, long Step, double LearningRate, bool Shares);
}

/// <summary>A step whose loss or gradient is not a finite number; the parameters are as they were before it.</summary>
/// <param name="message">Figures of the step, and the first parameter whose gradient is not finite.</param>
/// <param name="remedy">What the user can do about it.</param>
public sealed class NonFiniteStepException(string message, string remedy) : Engine.Errors.LdaeException(Engine.Errors.ErrorKind.Run, message, remedy);

/// <summary>Work that is the same in every step: done directly the first time, which compiles, tunes and allocates; recorded the second time, and replayed.</summary>
/// <param name="device">Who records; null does the work directly always.</param>
/// <param name="work">The work.</param>
internal sealed class RecordedWork(IDeviceBackend? device, Action work) : IDisposable
{
    private bool _done;
    private IRecordedWork? _recorded;

    /// <summary>Whether it is replayed by now.</summary>
    public bool IsRecorded => _recorded is not null;

    /// <summary>Does the work.</summary>
    public void Run()
    {
        if (device is null || !_done)
        {
            work();
            _done = true;
            return;
        }

        _recorded ??= device.Record(work);
        _recorded.Run();
    }

    /// <summary>Forgets what was recorded: the addresses it works on have changed.</summary>
    public void Forget()
    {
        Dispose();
        _done = false;
    }

    /// <summary>Frees the recording.</summary>
    public void Dispose()
    {
        _recorded?.Dispose();
        _recorded = null;
    }
}

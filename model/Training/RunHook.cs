using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Training;

/// <summary>
/// Something that takes part in a run besides training: it measures, draws, chooses checkpoints, or sends the run back. Hooks run on rank 0, in
/// the order in which the run has them, but for <see cref="Objection"/>, <see cref="TakesBackNonFinite"/> and <see cref="TakenBack"/>, which every
/// process calls and must answer alike.
/// </summary>
public abstract class RunHook
{
    /// <summary>Memory that the hook takes beside the run's, for the plan.</summary>
    /// <param name="factory">Makes the run's method.</param>
    /// <param name="recipe">The recipe, its batch that of this process.</param>
    /// <param name="activations">Element type of activations.</param>
    /// <param name="parameters">Element type of parameters.</param>
    /// <returns>Owner and bytes; nothing for no bytes.</returns>
    public virtual (string Owner, long Bytes) Plan(IMethodFactory factory, Recipe recipe, DType activations, DType parameters) => ("", 0);

    /// <summary>The run begins, or goes on from a checkpoint.</summary>
    /// <param name="moment">The run as it stands.</param>
    public virtual void Begin(RunMoment moment)
    {
    }

    /// <summary>Says why a step that was done must be taken back; the run then goes on from its last checkpoint at half the learning rate.</summary>
    /// <param name="step">Steps done, this one included.</param>
    /// <param name="result">What the step found, the same on every process.</param>
    /// <returns>The reason, as a sentence; null for none.</returns>
    public virtual string? Objection(long step, StepResult result) => null;

    /// <summary>The run has gone back to its last checkpoint; called on every process.</summary>
    public virtual void TakenBack()
    {
    }

    /// <summary>Whether a step that is not a finite number sends the run back as well, instead of ending it.</summary>
    public virtual bool TakesBackNonFinite => false;

    /// <summary>A step was done: the hook may add metrics to the step's line, or ask for a checkpoint.</summary>
    /// <param name="moment">The step.</param>
    public virtual void AfterStep(RunMoment moment)
    {
    }

    /// <summary>A step was done, its line and its checkpoint, if it has one, are written.</summary>
    /// <param name="moment">The step.</param>
    public virtual void StepEnded(RunMoment moment)
    {
    }

    /// <summary>A checkpoint was written; older ones are removed next.</summary>
    /// <param name="checkpoints">The run's folder of checkpoints.</param>
    /// <param name="step">Its step.</param>
    public virtual void Saved(string checkpoints, long step)
    {
    }

    /// <summary>The step of a checkpoint that is kept however old it grows, or null.</summary>
    public virtual long? Keeps => null;
}

/// <summary>A run at one of its steps, for its hooks.</summary>
/// <param name="trainer">What is trained, as it stands.</param>
/// <param name="options">The run.</param>
/// <param name="train">Indices of the training images.</param>
/// <param name="heldOut">Indices of the images that are held out of training.</param>
public sealed class RunMoment(Trainer trainer, RunOptions options, int[] train, int[] heldOut)
{
    private readonly List<(string Name, double Value)> _metrics = [];

    /// <summary>What is trained, as it stands.</summary>
    public Trainer Trainer => trainer;

    /// <summary>The run.</summary>
    public RunOptions Options => options;

    /// <summary>Indices of the training images.</summary>
    public IReadOnlyList<int> Train => train;

    /// <summary>Indices of the images that are held out of training.</summary>
    public IReadOnlyList<int> HeldOut => heldOut;

    /// <summary>Optimizer steps done.</summary>
    public long Step => trainer.Step;

    /// <summary>The run's TensorBoard events, or null.</summary>
    public EventLog? Events { get; init; }

    /// <summary>Whether this is the run's last step.</summary>
    public bool Ends { get; init; }

    /// <summary>Whether a process starts here: with step 0, or with the checkpoint that a run goes on from.</summary>
    public bool Starts { get; init; }

    /// <summary>Whether a checkpoint of this step is written.</summary>
    public bool IsSaved { get; internal set; }

    /// <summary>Whether a hook has asked for a checkpoint of this step.</summary>
    public bool WantsCheckpoint { get; set; }

    /// <summary>Whether a hook was asked to stop before it was done, so that the run counts as interrupted.</summary>
    public bool WasCut { get; set; }

    /// <summary>Metrics that hooks have added to the step's line.</summary>
    public IReadOnlyList<(string Name, double Value)> Metrics => _metrics;

    /// <summary>Adds a metric to the step's line.</summary>
    /// <param name="name">Its name, such as knn_top1.</param>
    /// <param name="value">Its value.</param>
    public void Add(string name, double value) => _metrics.Add((name, value));
}

/// <summary>Sends a run back to its last checkpoint where the loss jumps: <c>train.spikeFactor</c>.</summary>
/// <remarks>
/// The loss is compared with the median of those before it: the median of a few dozen losses follows a run as it learns, and one bad step does
/// not move it.
/// </remarks>
/// <param name="factor">How many times the median is a spike; 0 never sees one.</param>
public sealed class LossSpikes(double factor) : RunHook
{
    /// <summary>Losses that the median is taken of, and how many must be there before anything counts as a spike.</summary>
    internal const int Window = 50, Fewest = 10;

    private readonly Queue<double> _losses = new();

    /// <summary>The median of the last losses, the lower one of two middle ones; NaN of none.</summary>
    internal double Median => _losses.Count == 0 ? double.NaN : _losses.Order().ElementAt((_losses.Count - 1) / 2);

    /// <inheritdoc/>
    public override bool TakesBackNonFinite => factor > 0;

    /// <inheritdoc/>
    public override void TakenBack() => _losses.Clear();

    /// <inheritdoc/>
    public override string? Objection(long step, StepResult result)
    {
        var usual = Median;
        return IsSpike(result.Loss)
            ? string.Create(
                System.Globalization.CultureInfo.InvariantCulture, $"Step {step} has loss {result.Loss:G4}, above train.spikeFactor = {factor:G4} times the usual {usual:G4}.")
            : null;
    }

    /// <summary>Looks at a step's loss; one that is no spike counts from then on.</summary>
    /// <param name="loss">The loss, a finite number.</param>
    /// <returns>Whether it is a spike.</returns>
    internal bool IsSpike(double loss)
    {
        if (factor <= 0)
        {
            return false;
        }

        if (_losses.Count >= Fewest && loss > factor * Median)
        {
            return true;
        }

        _losses.Enqueue(loss);
        if (_losses.Count > Window)
        {
            _losses.Dequeue();
        }

        return false;
    }
}

/// <summary>When in a run pictures are drawn.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Starts">Whether a process starts here: with step 0, or with the checkpoint that a run goes on from.</param>
public readonly record struct PictureMoment(long Step, bool Starts);

/// <summary>Draws pictures for the events: at the start, after steps that are powers of two, after checkpoints and at the end.</summary>
/// <param name="draw">Draws a moment: PNGs with their names.</param>
public sealed class RunPictures(Func<IMethod, PictureMoment, IReadOnlyList<(string Tag, byte[] Png)>> draw) : RunHook
{
    private long _drawn = -1;

    /// <inheritdoc/>
    public override void Begin(RunMoment moment)
    {
        _drawn = -1;
        Draw(moment);
    }

    /// <summary>A network learns fast at first: few pictures, ever further apart, show the whole of it.</summary>
    public override void StepEnded(RunMoment moment)
    {
        if (moment.IsSaved || System.Numerics.BitOperations.IsPow2(moment.Step))
        {
            Draw(moment);
        }
    }

    private void Draw(RunMoment moment)
    {
        if (moment.Events is not { } events || _drawn == moment.Step)
        {
            return;
        }

        _drawn = moment.Step;
        foreach (var (tag, png) in draw(moment.Trainer.Method, new PictureMoment(moment.Step, moment.Starts)))
        {
            events.Image(moment.Step, tag, png);
        }
    }
}

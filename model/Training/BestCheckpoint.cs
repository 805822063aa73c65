using System.Globalization;
using System.Text.Json;
using LDaeCore.Engine.Checkpoints;

namespace LDaeCore.Model.Training;

/// <summary>Which of a run's checkpoints has the best nearest-neighbour accuracy on held-out images: it is kept however old it grows.</summary>
/// <param name="Step">Its step.</param>
/// <param name="KnnTop1">Its accuracy, percent.</param>
public sealed record BestCheckpoint(long Step, double KnnTop1)
{
    /// <summary>The file beside the checkpoints that says which it is.</summary>
    public const string FileName = "best.json";

    /// <summary>Reads which it is.</summary>
    /// <param name="checkpoints">The run's folder of checkpoints.</param>
    /// <returns>Null where no probe has been made, or its checkpoint or the file is gone or broken: the next probe chooses anew.</returns>
    public static BestCheckpoint? Read(string checkpoints)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(checkpoints, FileName)));
            var best = new BestCheckpoint(json.RootElement.GetProperty("step").GetInt64(), json.RootElement.GetProperty("knn_top1").GetDouble());
            return CheckpointFolder.List(checkpoints).Any(c => c.Step == best.Step) ? best : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes which it is.</summary>
    /// <param name="checkpoints">The run's folder of checkpoints; the checkpoint is in it.</param>
    public void Write(string checkpoints) => AtomicFile.WriteText(
        Path.Combine(checkpoints, FileName),
        string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{Step},\"knn_top1\":{KnnTop1:R}}}\n"));
}

/// <summary>Keeps the checkpoint with the best nearest-neighbour accuracy, however old it grows.</summary>
/// <param name="metric">Name of the metric that is compared; higher is better.</param>
public sealed class KeepBest(string metric) : RunHook
{
    private bool _isUnsaved;

    /// <summary>Which is the best, once the metric has been measured.</summary>
    public BestCheckpoint? Best { get; private set; }

    /// <inheritdoc/>
    public override long? Keeps => Best?.Step;

    /// <inheritdoc/>
    public override void Begin(RunMoment moment) =>
        Best = BestCheckpoint.Read(Path.Combine(moment.Options.Folder, RunFiles.Checkpoints)) is { } best && best.Step <= moment.Step ? best : null;

    /// <inheritdoc/>
    public override void AfterStep(RunMoment moment)
    {
        foreach (var (_, value) in moment.Metrics.Where(added => added.Name == metric && added.Value > (Best?.KnnTop1 ?? double.NegativeInfinity)))
        {
            (Best, _isUnsaved, moment.WantsCheckpoint) = (new BestCheckpoint(moment.Step, value), true, true);
        }
    }

    /// <summary>The best is named only once its checkpoint is there; until then the one before it stays the best.</summary>
    public override void Saved(string checkpoints, long step)
    {
        if (_isUnsaved)
        {
            Best!.Write(checkpoints);
            _isUnsaved = false;
        }
    }
}

using System.Globalization;
using System.Text.Json;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

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

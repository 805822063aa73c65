using System.Text.Json;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;

namespace LDaeCore.Model.Training;

/// <summary>
/// The run's <c>metrics.jsonl</c>: one JSON object a logged step, flushed line by line. A run that is resumed forgets the lines
/// past its checkpoint, so that the file reads as if nothing had happened.
/// </summary>
public sealed class MetricsLog : IDisposable
{
    private readonly FileStream _file;

    /// <summary>Opens the log to append to it.</summary>
    /// <param name="path">The file; made when it is not there.</param>
    /// <param name="lastStep">Lines of later steps are removed, and with them a line that a crash cut short.</param>
    public MetricsLog(string path, long lastStep)
    {
        if (File.Exists(path))
        {
            var kept = File.ReadLines(path).Where(line => StepOf(line) is { } step && step <= lastStep).ToArray();
            var temporary = path + ".tmp";
            File.WriteAllLines(temporary, kept);
            File.Move(temporary, path, overwrite: true);
        }

        _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read);
    }

    /// <summary>Where each line goes as well, or null.</summary>
    public EventLog? Events { get; set; }

    /// <summary>Appends a line.</summary>
    /// <param name="line">The line.</param>
    public void Write(MetricsLine line)
    {
        using (var writer = new Utf8JsonWriter(_file))
        {
            writer.WriteStartObject();
            writer.WriteNumber("step", line.Step);
            writer.WriteNumber("loss", line.Result.Loss);
            writer.WriteNumber("loss_kept", line.Result.LossKept);
            writer.WriteNumber("loss_residual", line.Result.LossResidual);
            writer.WriteNumber("lr", line.Result.LearningRate);
            writer.WriteNumber("gradient_norm", line.Result.GradientNorm);
            writer.WriteNumber("images_per_second", Speed(line));
            writer.WriteNumber("seconds", Math.Round(line.Seconds, 3));
            if (line.KnnTop1 is { } knn)
            {
                writer.WriteNumber("knn_top1", knn);
            }

            writer.WriteEndObject();
        }

        _file.WriteByte((byte)'\n');
        _file.Flush();
        Events?.Scalars(line.Step, [.. Scalars(line)]);
    }

    /// <summary>The last whole line of a log.</summary>
    /// <param name="path">The file; may be missing.</param>
    /// <returns>The line, or null when there is none.</returns>
    public static MetricsLine? ReadLast(string path) =>
        (File.Exists(path) ? File.ReadLines(path) : []).LastOrDefault(line => StepOf(line) is not null) is { } last ? Read(last) : null;

    /// <summary>The losses of a log, in order.</summary>
    /// <param name="path">The file; may be missing.</param>
    /// <returns>One of each whole line.</returns>
    public static IReadOnlyList<double> ReadLosses(string path) =>
        [.. (File.Exists(path) ? File.ReadLines(path) : []).Where(line => StepOf(line) is not null).Select(line => Read(line).Result.Loss)];

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static IEnumerable<(string Tag, double Value)> Scalars(MetricsLine line)
    {
        yield return ("loss/total", line.Result.Loss);
        yield return ("loss/kept", line.Result.LossKept);
        yield return ("loss/residual", line.Result.LossResidual);
        yield return ("lr", line.Result.LearningRate);
        yield return ("gradient_norm", line.Result.GradientNorm);
        yield return ("images_per_second", Speed(line));
        if (line.KnnTop1 is { } knn)
        {
            yield return ("knn/top1", knn);
        }
    }

    /// <summary>Images a second, to a hundredth wherever it stands.</summary>
    private static double Speed(MetricsLine line) => Math.Round(line.ImagesPerSecond, 2);

    private static MetricsLine Read(string line)
    {
        using var json = JsonDocument.Parse(line);
        var values = json.RootElement;
        double Number(string name) => values.TryGetProperty(name, out var value) && value.TryGetDouble(out var number) ? number : double.NaN;
        return new MetricsLine(
            values.GetProperty("step").GetInt64(),
            new StepResult(Number("loss"), Number("loss_kept"), Number("loss_residual"), Number("lr"), Number("gradient_norm")),
            Number("images_per_second"),
            Number("seconds"),
            values.TryGetProperty("knn_top1", out var knn) ? knn.GetDouble() : null);
    }

    private static long? StepOf(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.GetProperty("step").GetInt64();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}

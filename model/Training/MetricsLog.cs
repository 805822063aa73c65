using System.Text.Json;

namespace LDaeCore.Model.Training;

/// <summary>
/// The run's <c>metrics.jsonl</c>: one JSON object a logged step, flushed line by line. A run that is resumed forgets the lines
/// past its checkpoint, so that the file reads as if nothing had happened.
/// </summary>
public sealed class MetricsLog : IDisposable
{
    private static readonly string[] Own = ["step", "loss", "lr", "gradient_norm", "images_per_second"];

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
            foreach (var (name, value) in line.Result.Metrics)
            {
                writer.WriteNumber(name, value);
            }

            writer.WriteNumber("lr", line.Result.LearningRate);
            writer.WriteNumber("gradient_norm", line.Result.GradientNorm);
            writer.WriteNumber("images_per_second", Speed(line));
            writer.WriteNumber("seconds", Math.Round(line.Seconds, 3));
            foreach (var (name, value) in line.Measured)
            {
                writer.WriteNumber(name, value);
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
        foreach (var (name, value) in line.Result.Metrics)
        {
            yield return (Tag(name), value);
        }

        yield return ("lr", line.Result.LearningRate);
        yield return ("gradient_norm", line.Result.GradientNorm);
        yield return ("images_per_second", Speed(line));
        foreach (var (name, value) in line.Measured)
        {
            yield return (Tag(name), value);
        }
    }

    /// <summary>TensorBoard groups tags by what stands before a slash: loss_kept becomes loss/kept.</summary>
    private static string Tag(string name) => name.IndexOf('_', StringComparison.Ordinal) is > 0 and var at ? $"{name[..at]}/{name[(at + 1)..]}" : name;

    /// <summary>Images a second, to a hundredth wherever it stands.</summary>
    private static double Speed(MetricsLine line) => Math.Round(line.ImagesPerSecond, 2);

    private static MetricsLine Read(string line)
    {
        using var json = JsonDocument.Parse(line);
        var values = json.RootElement;
        double Number(string name) => values.TryGetProperty(name, out var value) && value.TryGetDouble(out var number) ? number : double.NaN;

        // What a step reports stands before the learning rate, what was measured after it behind the time.
        List<(string, double)> found = [], measured = [];
        var others = found;
        foreach (var value in values.EnumerateObject())
        {
            if (value.Name == "seconds")
            {
                others = measured;
            }
            else if (!Own.Contains(value.Name) && value.Value.ValueKind == JsonValueKind.Number)
            {
                others.Add((value.Name, value.Value.GetDouble()));
            }
        }

        return new MetricsLine(
            values.GetProperty("step").GetInt64(),
            new StepResult(Number("loss"), Number("lr"), Number("gradient_norm")) { Metrics = found },
            Number("images_per_second"),
            Number("seconds"))
        {
            Measured = measured,
        };
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

/// <summary>One line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Result">What the step found.</param>
/// <param name="ImagesPerSecond">Speed since the line before.</param>
/// <param name="Seconds">Time spent training.</param>
public sealed record MetricsLine(long Step, StepResult Result, double ImagesPerSecond, double Seconds)
{
    /// <summary>What hooks have measured after the step, by name, such as knn_top1.</summary>
    public IReadOnlyList<(string Name, double Value)> Measured { get; init; } = [];
}

namespace LDaeCore.Runner;

/// <summary>Progress where the output is not a terminal: a line for the first and the last step, and every few seconds.</summary>
internal sealed class PlainProgress(TextWriter writer, TimeProvider time, TimeSpan period) : IProgressView
{
    private long? _last;

    public void Report(long step, long totalSteps, double loss, double imagesPerSecond, TimeSpan eta)
    {
        if (_last is { } last && step < totalSteps && time.GetElapsedTime(last) < period)
        {
            return;
        }

        _last = time.GetTimestamp();
        writer.WriteLine(ProgressLine.Format(step, totalSteps, loss, imagesPerSecond, eta));
    }

    public void Clear()
    {
    }

    public void Dispose()
    {
    }
}

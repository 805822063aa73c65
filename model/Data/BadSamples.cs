using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>Counts unreadable images: each is named once and skipped, too many fail the run.</summary>
/// <param name="limit">How many are skipped.</param>
/// <param name="onBad">Told of each.</param>
internal sealed class BadSamples(int limit, Action<string>? onBad)
{
    private readonly Lock _lock = new();
    private readonly HashSet<int> _known = [];

    /// <summary>Unreadable images so far.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _known.Count;
            }
        }
    }

    /// <summary>Decodes an image, or returns null for one that is unreadable.</summary>
    public RgbImage? Try(int index, Func<RgbImage> decode)
    {
        lock (_lock)
        {
            if (_known.Contains(index))
            {
                return null;
            }
        }

        try
        {
            return decode();
        }
        catch (LdaeException error) when (error.Kind == ErrorKind.Data)
        {
            lock (_lock)
            {
                if (_known.Add(index))
                {
                    onBad?.Invoke(error.Message);
                }

                return _known.Count <= limit
                    ? null
                    : throw new LdaeException(
                        ErrorKind.Data,
                        $"{_known.Count} images cannot be read, more than --max-bad-samples {limit}; the last: {error.Message}",
                        "Repair or remove the files that the log names, or allow more with --max-bad-samples.",
                        error);
            }
        }
    }
}

using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>
/// The unreadable images of a run: each is reported once and skipped; too many fail the run. Thread-safe.
/// </summary>
/// <param name="limit">Most images that are skipped.</param>
/// <param name="onBad">Receives a message for each.</param>
public sealed class BadSamples(int limit = 0, Action<string>? onBad = null)
{
    private readonly Lock _lock = new();
    private readonly HashSet<(IImageSource Source, int Index)> _known = [];

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
    /// <param name="source">The images.</param>
    /// <param name="index">Which.</param>
    /// <param name="decode">Decodes it; the source's own method when not given.</param>
    /// <returns>The image or null.</returns>
    /// <exception cref="LdaeException">Data: more images are unreadable than allowed.</exception>
    public RgbImage? Try(IImageSource source, int index, Func<RgbImage>? decode = null)
    {
        lock (_lock)
        {
            if (_known.Contains((source, index)))
            {
                // Another thread may have failed at this image already: this one fails too, or the run would continue for the
                // batches between the two.
                return _known.Count <= limit ? null : throw TooMany($"image {index} of {source.Name} is one of them.");
            }
        }

        try
        {
            return decode is null ? source.Decode(index) : decode();
        }
        catch (LdaeException error) when (error.Kind == ErrorKind.Data)
        {
            lock (_lock)
            {
                if (_known.Add((source, index)))
                {
                    onBad?.Invoke(error.Message);
                }

                return _known.Count <= limit ? null : throw TooMany($"the last: {error.Message}", error);
            }
        }
    }

    private LdaeException TooMany(string which, Exception? cause = null) => new(
        ErrorKind.Data,
        $"{_known.Count} image{(_known.Count == 1 ? "" : "s")} cannot be read, more than --max-bad-samples {limit}; {which}",
        "Repair or remove the files that the log names, or allow more with --max-bad-samples.",
        cause);
}

using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data.Formats;

namespace LDaeCore.Model.Data;

/// <summary>
/// WebDataset's tar shards: files side by side that share a name up to its first dot are one sample, an image (<c>.jpg</c>, <c>.jpeg</c>,
/// <c>.png</c>, <c>.webp</c>, <c>.bmp</c>) and its class (<c>.cls</c>, a number). Other files, such as hidden ones, are skipped.
/// The headers are read once; sixteen bytes a sample stay in memory, and images are read from their offsets, so that a data set may be of any size.
/// </summary>
public sealed class TarSource : IImageSource
{
    /// <summary>Most classes; the largest class number determines the number of classes.</summary>
    public const int MostClasses = 100_000;

    private const int MostImageBytes = 1 << 28, MostLabelBytes = 32;
    private const string Remedy = "Give tar:GLOB with uncompressed tar shards of images and .cls files, such as 'tar:data/train-*.tar' or 'tar:data/train-{000..127}.tar'.";
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp"];

    private readonly string[] _shards;
    private readonly int[] _starts;
    private readonly long[] _offsets;
    private readonly int[] _lengths, _labels;

    private TarSource(string pattern, bool train)
    {
        _shards = ShardFiles.Find(pattern, train, Remedy);
        Name = $"tar:{pattern} ({(train ? "train" : "test")}, {_shards.Length} shard{(_shards.Length == 1 ? "" : "s")})";
        var (starts, offsets, lengths, labels) = (new List<int>(), new List<long>(), new List<int>(), new List<int>());
        var labelsAlone = false;
        foreach (var shard in _shards)
        {
            starts.Add(offsets.Count);
            foreach (var (offset, length, label) in Samples(shard, () => labelsAlone = true))
            {
                offsets.Add(offset);
                lengths.Add(length);
                labels.Add(label);
            }
        }

        (_starts, _offsets, _lengths, _labels) = ([.. starts], [.. offsets], [.. lengths], [.. labels]);
        if (_offsets.Length == 0)
        {
            throw Error($"{pattern}: no image in {_shards.Length} shard{(_shards.Length == 1 ? "" : "s")}.");
        }

        var unlabelled = Array.IndexOf(_labels, -1);
        if (unlabelled >= 0 && (labelsAlone || Array.Exists(_labels, label => label >= 0)))
        {
            throw new LdaeException(
                ErrorKind.Data,
                $"{Describe(unlabelled)}: no .cls file beside it, but {(labelsAlone ? "there are some without an image" : "other images have one")}.",
                "Pack shards with the files of a sample side by side, as 'tar --sort=name' does, each image with its class or none of them.");
        }

        // A data set without classes has one.
        ClassNames = [.. Enumerable.Range(0, Math.Max(0, _labels.Max()) + 1).Select(c => c.ToString(CultureInfo.InvariantCulture))];
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count => _offsets.Length;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> ShardStarts => _starts;

    /// <summary>Reads the headers of a split's shards.</summary>
    /// <param name="pattern">Paths of the training shards, with <c>*</c>, <c>?</c> and ranges.</param>
    /// <param name="train">The training split, or the one of the same pattern with validation, val or test instead of train.</param>
    /// <returns>The source.</returns>
    /// <exception cref="LdaeException">Data: no shard, a damaged or truncated one, no image, or images with and without a class.</exception>
    public static TarSource Open(string pattern, bool train) => new(pattern, train);

    /// <inheritdoc/>
    public int Label(int index) => Math.Max(0, _labels[index]);

    /// <inheritdoc/>
    public string Describe(int index) => string.Create(CultureInfo.InvariantCulture, $"{ShardOf(index)}, byte {_offsets[index]}");

    /// <inheritdoc/>
    public RgbImage Decode(int index) =>
        ImageDecoder.Decode(TarArchive.ReadContent(ShardOf(index), _offsets[index], _lengths[index]), Describe(index));

    private static IEnumerable<(long Offset, int Length, int Label)> Samples(string shard, Action onLabelAlone)
    {
        var (key, image, label) = ("", (TarEntry?)null, -1);
        foreach (var entry in TarArchive.Read(shard))
        {
            var first = entry.Name.LastIndexOf('/') + 1;
            var dot = entry.Name.IndexOf('.', first);
            if (dot <= first)
            {
                continue;
            }

            var (itsKey, extension) = (entry.Name[..dot], entry.Name[dot..].ToLowerInvariant());
            if (itsKey != key)
            {
                if (image is { } whole)
                {
                    yield return (whole.Offset, checked((int)whole.Length), label);
                }
                else if (label >= 0)
                {
                    onLabelAlone();
                }

                (key, image, label) = (itsKey, null, -1);
            }

            if (extension == ".cls")
            {
                label = ReadLabel(shard, entry);
            }
            else if (image is null && Extensions.Contains(extension))
            {
                image = entry.Length <= MostImageBytes
                    ? entry
                    : throw Error($"{shard}: {entry.Name} has {entry.Length} bytes, more than the {MostImageBytes} that an image may have.");
            }
        }

        if (image is { } last)
        {
            yield return (last.Offset, checked((int)last.Length), label);
        }
        else if (label >= 0)
        {
            onLabelAlone();
        }
    }

    private static int ReadLabel(string shard, TarEntry entry)
    {
        var text = TarArchive.ReadContent(shard, entry.Offset, (int)Math.Min(entry.Length, MostLabelBytes)).AsSpan().Trim((ReadOnlySpan<byte>)" \r\n\t"u8);
        return entry.Length <= MostLabelBytes && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var label) && label < MostClasses
            ? label
            : throw Error($"{shard}: {entry.Name} is not a class from 0 to {MostClasses - 1}.");
    }

    private string ShardOf(int index)
    {
        // Shards without an image share a start: the last of them has the image.
        var found = Array.BinarySearch(_starts, index);
        var at = found >= 0 ? found : ~found - 1;
        while (at + 1 < _starts.Length && _starts[at + 1] == _starts[at])
        {
            at++;
        }

        return _shards[at];
    }

    private static LdaeException Error(string message) => new(ErrorKind.Data, message, Remedy);
}

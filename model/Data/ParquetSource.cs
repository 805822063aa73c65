using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data.Formats;

namespace LDaeCore.Model.Data;

/// <summary>
/// Parquet files with a column of encoded images, as Hugging Face has them (a struct <c>image</c> of <c>bytes</c> and <c>path</c>) or
/// bytes, and a column of classes. The classes are read once; images are read a row group at a time, and the last used ones are
/// kept within a budget, so that a data set may be of any size.
/// </summary>
public sealed class ParquetSource : IImageSource
{
    /// <summary>Default bytes of encoded images to keep.</summary>
    public const long DefaultBudget = 1L << 29;

    private const int MostOpen = 64;
    private const string Remedy =
        "Give parquet:GLOB with files that have a column 'image' (bytes, or a struct with bytes) and a column 'label' of whole numbers, such as "
            + "'parquet:data/train-*.parquet'; download or write a damaged one again.";

    private readonly string[] _files;
    private readonly List<(int File, ParquetColumn Column, int Row, ParquetRowGroup Group)> _groups = [];
    private readonly List<int> _starts = [];
    private readonly int[] _labels;
    private readonly ParquetGroups _held;

    private ParquetSource(string pattern, bool train, long budget)
    {
        _files = ShardFiles.Find(pattern, train, Remedy);
        _held = new ParquetGroups(budget, Load);
        Name = $"parquet:{pattern} ({(train ? "train" : "test")}, {_files.Length} file{(_files.Length == 1 ? "" : "s")})";
        var labels = new List<int>();
        IReadOnlyList<string>? names = null;
        for (var i = 0; i < _files.Length; i++)
        {
            var footer = Index(i, labels);
            names = footer.ClassNames is { } found && found.Count > (names?.Count ?? 0) ? found : names;
        }

        _labels = [.. labels];
        if (_labels.Length == 0)
        {
            throw Error($"{pattern}: no image in {_files.Length} file{(_files.Length == 1 ? "" : "s")}.");
        }

        var unlabelled = Array.IndexOf(_labels, -1);
        if (unlabelled >= 0 && Array.Exists(_labels, label => label >= 0))
        {
            throw Error($"{Describe(unlabelled)}: no class, where other images have one.");
        }

        // A data set without classes has one.
        var most = Math.Max(0, _labels.Max());
        ClassNames = names is not null && most < names.Count ? names : [.. Enumerable.Range(0, most + 1).Select(c => c.ToString(CultureInfo.InvariantCulture))];
        var sizes = _groups.Select(g => Math.Clamp(Math.Max(g.Group.Images.Length, g.Group.Images.Unpacked), 1, ParquetPages.MostUnpacked)).ToArray();
        OpenShards = (int)Math.Clamp(budget / 2 / sizes.Max(), 1, MostOpen);

        // A group is read before another is dropped.
        ResidentBytes = Math.Min(sizes.Sum(), Math.Max(budget, sizes.Max()) + sizes.Max());
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count => _labels.Length;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> ShardStarts => _starts;

    /// <inheritdoc/>
    public int OpenShards { get; }

    /// <inheritdoc/>
    public long ResidentBytes { get; }

    /// <summary>Bytes of encoded images in memory.</summary>
    internal long HeldBytes => _held.HeldBytes;

    /// <summary>Number of row groups read so far.</summary>
    internal int GroupLoads => _held.Loads;

    /// <summary>Reads the footers and classes of a split's files.</summary>
    /// <param name="pattern">Paths of the training files, with <c>*</c>, <c>?</c> and ranges.</param>
    /// <param name="train">The training split, or the one of the same pattern with validation, val or test instead of train.</param>
    /// <param name="budget">Bytes of encoded images to keep; at least two row groups are kept.</param>
    /// <returns>The source.</returns>
    /// <exception cref="LdaeException">Data: no file, a damaged or truncated one, no column of images, no image, or images with and without a class.</exception>
    public static ParquetSource Open(string pattern, bool train, long budget = DefaultBudget) => new(pattern, train, budget);

    /// <inheritdoc/>
    public int Label(int index) => Math.Max(0, _labels[index]);

    /// <inheritdoc/>
    public string Describe(int index)
    {
        var group = _groups[GroupOf(index)];
        return string.Create(CultureInfo.InvariantCulture, $"{_files[group.File]}, row {group.Row + index - _starts[GroupOf(index)]}");
    }

    /// <inheritdoc/>
    public RgbImage Decode(int index)
    {
        var group = GroupOf(index);
        var image = _held.Get(group)[index - _starts[group]];
        return image.IsEmpty ? throw Error($"{Describe(index)}: no image.") : ImageDecoder.Decode(image.Span, Describe(index));
    }

    private ParquetFooter Index(int number, List<int> labels)
    {
        using var file = new ShardFile(_files[number], Remedy);
        try
        {
            var footer = ParquetFooter.Read(file);
            var row = 0;
            foreach (var group in footer.RowGroups.Where(group => group.Rows > 0))
            {
                _starts.Add(labels.Count);
                _groups.Add((number, footer.Images, row, group));
                row = checked(row + group.Rows);
                if (footer.Labels is { } column && group.Labels is { } chunk)
                {
                    labels.AddRange(ParquetPages.Numbers(file.Read(chunk.Start, chunk.Length), column, chunk.Codec, group.Rows).Select(Class));
                }
                else
                {
                    labels.AddRange(Enumerable.Repeat(-1, group.Rows));
                }
            }

            return footer;
        }
        catch (Exception e) when (e is InvalidDataException or OverflowException)
        {
            throw Error($"{file.Path}: {e.Message}.", e);
        }
    }

    /// <summary>Hugging Face data sets use -1 for images whose class is not published.</summary>
    private static int Class(long label) => label is >= -1 and < TarSource.MostClasses
        ? (int)label
        : throw new InvalidDataException($"{label} is not a class from 0 to {TarSource.MostClasses - 1}");

    private ReadOnlyMemory<byte>[] Load(int number)
    {
        var (at, column, row, group) = _groups[number];
        using var file = new ShardFile(_files[at], Remedy);
        try
        {
            return ParquetPages.Strings(file.Read(group.Images.Start, group.Images.Length), column, group.Images.Codec, group.Rows);
        }
        catch (InvalidDataException e)
        {
            throw Error($"{file.Path}, rows {row} to {row + group.Rows - 1}: {e.Message}.", e);
        }
    }

    private int GroupOf(int index)
    {
        var found = _starts.BinarySearch(index);
        return found >= 0 ? found : ~found - 1;
    }

    private static LdaeException Error(string message, Exception? inner = null) => new(ErrorKind.Data, message, Remedy, inner);
}

/// <summary>A cache of the last used row groups, decompressed, within a budget. Thread-safe; one thread reads a group.</summary>
/// <param name="budget">Bytes to keep; the group requested last is always kept.</param>
/// <param name="load">Reads a group: its encoded images by row.</param>
internal sealed class ParquetGroups(long budget, Func<int, ReadOnlyMemory<byte>[]> load)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, Held> _groups = [];
    private long _uses;

    /// <summary>Bytes in memory.</summary>
    public long HeldBytes
    {
        get
        {
            lock (_lock)
            {
                return _groups.Values.Sum(held => held.Bytes);
            }
        }
    }

    /// <summary>Number of groups read so far.</summary>
    public int Loads { get; private set; }

    /// <summary>The encoded images of a group.</summary>
    public ReadOnlyMemory<byte>[] Get(int group)
    {
        Held held;
        lock (_lock)
        {
            if (!_groups.TryGetValue(group, out held!))
            {
                Loads++;
                _groups[group] = held = new Held(new Lazy<ReadOnlyMemory<byte>[]>(() => load(group)));
            }

            held.LastUse = ++_uses;
        }

        // Outside the lock, so that other threads can use cached groups.
        var images = held.Images.Value;
        lock (_lock)
        {
            if (held.Bytes == 0)
            {
                held.Bytes = 1 + images.Sum(image => (long)image.Length);
                MakeRoom(group);
            }
        }

        return images;
    }

    private void MakeRoom(int but)
    {
        var total = _groups.Values.Sum(held => held.Bytes);
        foreach (var (group, held) in _groups.Where(pair => pair.Key != but && pair.Value.Bytes > 0).OrderBy(pair => pair.Value.LastUse).ToArray())
        {
            if (total <= budget)
            {
                return;
            }

            total -= held.Bytes;
            _groups.Remove(group);
        }
    }

    private sealed class Held(Lazy<ReadOnlyMemory<byte>[]> images)
    {
        public Lazy<ReadOnlyMemory<byte>[]> Images { get; } = images;

        public long LastUse { get; set; }

        public long Bytes { get; set; }
    }
}

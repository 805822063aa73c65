using System.Globalization;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>
/// CIFAR-10 or CIFAR-100 from the original binary files: records of one label byte (CIFAR-100: coarse, then fine) and
/// 32x32 pixels in planes of red, green and blue. The whole split is in memory.
/// </summary>
public sealed class CifarSource : IImageSource
{
    private const int Side = 32;
    private const int PlaneBytes = Side * Side;
    private const string Remedy = "Unpack the binary version of the data set from its authors' page and give the folder of its .bin files.";

    private static readonly string[] Cifar10Names =
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    private readonly List<(string Path, byte[] Records)> _files = [];
    private readonly int _labelBytes;

    private CifarSource(string name, string directory, int classes, List<string> paths)
    {
        _labelBytes = classes == 10 ? 1 : 2;
        Name = name;
        ClassNames = ReadNames(directory, classes);
        foreach (var path in paths)
        {
            var records = ReadRecords(path, classes);
            _files.Add((path, records));
            Count += records.Length / RecordBytes;
        }
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public (int Width, int Height)? UniformSize => (Side, Side);

    /// <inheritdoc/>
    public long ResidentBytes => _files.Sum(file => (long)file.Records.Length);

    private int RecordBytes => _labelBytes + (3 * PlaneBytes);

    /// <summary>Reads a split of the data set.</summary>
    /// <param name="directory">The folder that holds the .bin files.</param>
    /// <param name="classes">10 or 100 (the fine classes).</param>
    /// <param name="train">
    /// For 10 classes, training reads those of data_batch_1..5.bin that exist and testing test_batch.bin; for 100, train.bin and test.bin.
    /// </param>
    /// <returns>The source.</returns>
    /// <exception cref="LdaeException">Data: a missing folder or file, a broken length, a label out of range.</exception>
    public static CifarSource Open(string directory, int classes, bool train)
    {
        if (classes is not (10 or 100))
        {
            throw new ArgumentOutOfRangeException(nameof(classes), classes, "10 or 100");
        }

        return new CifarSource($"cifar{classes}:{directory} ({(train ? "train" : "test")})", directory, classes, Files(directory, classes, train));
    }

    /// <summary>Reads a single file.</summary>
    /// <param name="path">A .bin file; its name, or else its length, determines 10 or 100 classes.</param>
    /// <returns>The source.</returns>
    /// <exception cref="LdaeException">Data: a broken length, a label out of range, an unreadable file.</exception>
    public static CifarSource OpenFile(string path)
    {
        var named100 = Path.GetFileName(path) is "train.bin" or "test.bin";
        var length = ReadFile(path, p => new FileInfo(p).Length);
        var classes = named100 || (length % (1 + (3 * PlaneBytes)) != 0 && length % (2 + (3 * PlaneBytes)) == 0) ? 100 : 10;
        return new CifarSource($"cifar{classes}: {path}", Path.GetDirectoryName(Path.GetFullPath(path))!, classes, [path]);
    }

    /// <inheritdoc/>
    public int Label(int index)
    {
        var (file, record) = Locate(index);
        return _files[file].Records[(record * RecordBytes) + _labelBytes - 1];
    }

    /// <inheritdoc/>
    public string Describe(int index)
    {
        var (file, record) = Locate(index);
        return $"{_files[file].Path}, record {record}";
    }

    /// <inheritdoc/>
    public RgbImage Decode(int index)
    {
        var (file, record) = Locate(index);
        var planes = _files[file].Records.AsSpan((record * RecordBytes) + _labelBytes, 3 * PlaneBytes);
        var pixels = new byte[planes.Length];
        for (var p = 0; p < PlaneBytes; p++)
        {
            pixels[3 * p] = planes[p];
            pixels[(3 * p) + 1] = planes[p + PlaneBytes];
            pixels[(3 * p) + 2] = planes[p + (2 * PlaneBytes)];
        }

        return new RgbImage(Side, Side, pixels);
    }

    private (int File, int Record) Locate(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        var file = 0;
        while (index >= _files[file].Records.Length / RecordBytes)
        {
            index -= _files[file++].Records.Length / RecordBytes;
        }

        return (file, index);
    }

    private static List<string> Files(string directory, int classes, bool train)
    {
        if (!Directory.Exists(directory))
        {
            throw Error(File.Exists(directory) ? $"{directory} is a file; the folder of the .bin files is expected." : $"{directory}: no such folder.");
        }

        string[] names = (classes, train) switch
        {
            (10, true) => [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")],
            (10, false) => ["test_batch.bin"],
            (_, true) => ["train.bin"],
            _ => ["test.bin"],
        };
        var found = names.Select(name => Path.Combine(directory, name)).Where(File.Exists).ToList();
        var sought = names.Length == 1 ? names[0] : $"{names[0]} to {names[^1]}";
        return found.Count > 0 ? found : throw Error($"{directory} has no {sought}.");
    }

    private byte[] ReadRecords(string path, int classes)
    {
        var records = ReadFile(path, file => InputFile.IsEmpty(file) ? [] : File.ReadAllBytes(file));
        if (records.Length == 0 || records.Length % RecordBytes != 0)
        {
            throw Error(
                $"{path}: expected a whole number, at least one, of CIFAR-{classes} records of {RecordBytes} bytes, found {records.Length} bytes.");
        }

        for (var at = _labelBytes - 1; at < records.Length; at += RecordBytes)
        {
            if (records[at] >= classes)
            {
                throw Error(
                    $"{path}, record {at / RecordBytes}: expected a label in 0 to {classes - 1}, found {records[at]}.");
            }
        }

        return records;
    }

    private static string[] ReadNames(string directory, int classes)
    {
        var path = Path.Combine(directory, classes == 10 ? "batches.meta.txt" : "fine_label_names.txt");
        if (!File.Exists(path))
        {
            return classes == 10
                ? Cifar10Names
                : [.. Enumerable.Range(0, classes).Select(i => string.Create(CultureInfo.InvariantCulture, $"class {i:00}"))];
        }

        var names = ReadFile(path, File.ReadAllLines).Select(line => line.Trim()).Where(line => line.Length > 0).ToArray();
        return names.Length == classes
            ? names
            : throw Error($"{path}: expected {classes} class names, found {names.Length}.");
    }

    private static T ReadFile<T>(string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Error($"{path}: cannot be read ({e.Message}).", e);
        }
    }

    private static LdaeException Error(string message, Exception? inner = null) => new(ErrorKind.Data, message, Remedy, inner);
}

using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>
/// Image files in one folder per class: <c>train/CLASS/*</c> and <c>val/CLASS/*</c> (or <c>test/CLASS/*</c>).
/// The folders of the training split are the classes, in ordinal order. Files are decoded on demand.
/// </summary>
public sealed class FolderSource : IImageSource
{
    private const string Remedy =
        "Give a folder with train/CLASS/ and val/CLASS/ (or test/CLASS/) folders of .jpg, .jpeg, .png, .webp or .bmp files.";

    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png", ".webp", ".bmp"];

    private readonly string _split;
    private readonly string[] _classes;
    private readonly string[] _files;
    private readonly int[] _labels;

    private FolderSource(string directory, bool train)
    {
        _classes = ClassFolders(Split(directory, "train"));
        _split = train ? Split(directory, "train") : Split(directory, "val", "test");
        Name = $"folder:{directory} ({Path.GetFileName(_split)})";

        List<string> files = [];
        List<int> labels = [];
        foreach (var name in train ? _classes : ClassFolders(_split))
        {
            var label = Array.BinarySearch(_classes, name, StringComparer.Ordinal);
            if (label < 0)
            {
                throw Error($"{_split}: class \"{name}\" is not one of the {_classes.Length} classes of the training split.");
            }

            var found = ImageFiles(Path.Combine(_split, name));
            files.AddRange(found);
            labels.AddRange(Enumerable.Repeat(label, found.Length));
        }

        (_files, _labels) = ([.. files], [.. labels]);
        if (_files.Length == 0)
        {
            throw Error($"{_split}: no image in any class folder.");
        }
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count => _files.Length;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => _classes;

    /// <summary>Lists the images of a split. Links to folders are not followed; links to files are.</summary>
    /// <param name="directory">The folder that holds the splits.</param>
    /// <param name="train">The training split, or the validation split: val, or test where there is no val.</param>
    /// <returns>The source.</returns>
    /// <exception cref="LdaeException">Data: a missing or unreadable folder, a class unknown to training, no image at all.</exception>
    public static FolderSource Open(string directory, bool train) => new(directory, train);

    /// <inheritdoc/>
    public int Label(int index) => _labels[Checked(index)];

    /// <inheritdoc/>
    public string Describe(int index) => Path.Combine(_split, _classes[Label(index)], _files[index]);

    /// <inheritdoc/>
    public RgbImage Decode(int index)
    {
        var path = Describe(index);
        return ImageDecoder.Decode(Read(path, file => InputFile.IsEmpty(file) ? [] : File.ReadAllBytes(file)), path);
    }

    private int Checked(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return index;
    }

    private static string Split(string directory, params ReadOnlySpan<string> names)
    {
        if (!Directory.Exists(directory))
        {
            throw Error(File.Exists(directory) ? $"{directory} is a file; a folder is expected." : $"{directory}: no such folder.");
        }

        foreach (var name in names)
        {
            var path = Path.Combine(directory, name);
            if (Directory.Exists(path))
            {
                return path;
            }
        }

        throw Error($"{directory} has no folder {string.Join(" or ", names)}.");
    }

    private static string[] ClassFolders(string split) => Sorted(
        Read(split, path => new DirectoryInfo(path).GetDirectories())
            .Where(folder => !folder.Attributes.HasFlag(FileAttributes.ReparsePoint))
            .Select(folder => folder.Name));

    /// <summary>Names of the image files in a class folder.</summary>
    private static string[] ImageFiles(string folder) => Sorted(
        Read(folder, Directory.GetFiles)
            .Select(path => Path.GetFileName(path))
            .Where(name => Extensions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase)));

    private static string[] Sorted(IEnumerable<string> names) => [.. names.Order(StringComparer.Ordinal)];

    private static T Read<T>(string path, Func<string, T> read)
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

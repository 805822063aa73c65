using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>Labelled images, by index. Thread-safe.</summary>
public interface IImageSource
{
    /// <summary>Specification and split, for messages and reports.</summary>
    string Name { get; }

    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>Names of the classes; a label is an index into it.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>Most bytes of images that the source keeps in memory, for the memory plan.</summary>
    long ResidentBytes => 0;

    /// <summary>Size of every image, where all have the same and none can be unreadable; else null.</summary>
    (int Width, int Height)? UniformSize => null;

    /// <summary>
    /// First image of each file that is best read sequentially, ascending; null where random access costs the same. A
    /// run shuffles the files, then images within a buffer (see <see cref="EpochOrder"/>).
    /// </summary>
    IReadOnlyList<int>? ShardStarts => null;

    /// <summary>
    /// Shards to keep open at a time, where a shard can only be read as a whole; 0 where single images can be
    /// read, and a buffer of images is used.
    /// </summary>
    int OpenShards => 0;

    /// <summary>The class of an image.</summary>
    /// <param name="index">0..Count-1.</param>
    /// <returns>0..ClassNames.Count-1.</returns>
    int Label(int index);

    /// <summary>The file, or file and record, of an image, for messages.</summary>
    /// <param name="index">0..Count-1.</param>
    /// <returns>The description.</returns>
    string Describe(int index);

    /// <summary>Decodes an image at its own size.</summary>
    /// <param name="index">0..Count-1.</param>
    /// <returns>The image.</returns>
    /// <exception cref="LdaeException">Data: the image is corrupt or unreadable; the message names it.</exception>
    RgbImage Decode(int index);
}

using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>Labelled images, by index. All members may be called from several threads at once.</summary>
public interface IImageSource
{
    /// <summary>What it is, for messages and reports: the specification it was opened with and the split.</summary>
    string Name { get; }

    /// <summary>Number of images.</summary>
    int Count { get; }

    /// <summary>Names of the classes; a label is an index into it.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>Most bytes of images that the source keeps in memory, for the memory plan.</summary>
    long ResidentBytes => 0;

    /// <summary>Columns and rows of every image, where all are alike and none can be unreadable; else null.</summary>
    (int Width, int Height)? UniformSize => null;

    /// <summary>
    /// First image of each file that is best read from its beginning to its end, rising; null where any image is as near as another. A
    /// run then shuffles the files, and within a buffer (see <see cref="EpochOrder"/>).
    /// </summary>
    IReadOnlyList<int>? ShardStarts => null;

    /// <summary>
    /// Shards that a run draws from at a time, where only a whole one can be read and so many fit in memory; 0 where single images can be
    /// read, and a buffer of images is drawn from.
    /// </summary>
    int OpenShards => 0;

    /// <summary>The class of an image.</summary>
    /// <param name="index">0..Count-1.</param>
    /// <returns>0..ClassNames.Count-1.</returns>
    int Label(int index);

    /// <summary>The file, or file and record, an image comes from, for messages.</summary>
    /// <param name="index">0..Count-1.</param>
    /// <returns>The description.</returns>
    string Describe(int index);

    /// <summary>Decodes an image at its own size.</summary>
    /// <param name="index">0..Count-1.</param>
    /// <returns>The image.</returns>
    /// <exception cref="LdaeException">Data: the image is corrupt or unreadable; the message names it.</exception>
    RgbImage Decode(int index);
}

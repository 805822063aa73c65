using LDaeCore.Engine.Distributed;

namespace LDaeCore.Model.Evaluation;

/// <summary>Features that several processes compute, each of its part of the images, and that all of them have in the end: what is made of the whole set, such as
/// the mean and variance of each channel, is then the same for all.</summary>
internal static class SharedFeatures
{
    // Numbers of one process that travel at a time.
    private const int Piece = 1 << 17;

    // Beside the channels: label, index.
    private const int More = 2;

    /// <summary>The part of some images that a process takes.</summary>
    /// <param name="group">The processes.</param>
    /// <param name="count">Number of images.</param>
    /// <returns>The first of them, and the one after the last.</returns>
    public static (int From, int To) Part(ICommunicator group, int count) =>
        ((int)((long)count * group.Rank / group.Size), (int)((long)count * (group.Rank + 1) / group.Size));

    /// <summary>Brings every process's rows to all, in order of rank.</summary>
    /// <param name="group">The processes.</param>
    /// <param name="mine">This process's rows.</param>
    /// <returns>All rows.</returns>
    public static FeatureSet Gather(ICommunicator group, FeatureSet mine)
    {
        if (group.Size == 1)
        {
            return mine;
        }

        var counts = group.Gather([mine.Count]).Select(count => (int)count).ToArray();
        var (channels, total) = (mine.Channels, counts.Sum());
        var (values, labels, indices) = (new float[(long)total * channels], new int[total], new int[total]);
        var (width, rows) = (channels + More, Math.Max(1, Piece / (channels + More)));
        var sent = new double[rows * width];
        for (var start = 0; start < counts.Max(); start += rows)
        {
            Pack(mine, start, rows, sent);
            var all = group.Gather(sent);
            for (int rank = 0, first = 0; rank < group.Size; first += counts[rank++])
            {
                for (var row = start; row < Math.Min(start + rows, counts[rank]); row++)
                {
                    var from = all.AsSpan((((rank * rows) + row - start) * width), width);
                    for (var c = 0; c < channels; c++)
                    {
                        values[((long)(first + row) * channels) + c] = (float)from[c];
                    }

                    (labels[first + row], indices[first + row]) = ((int)from[channels], (int)from[channels + 1]);
                }
            }
        }

        return new FeatureSet(values, labels, channels) { Indices = indices };
    }

    private static void Pack(FeatureSet mine, int start, int rows, double[] to)
    {
        Array.Clear(to);
        for (var row = start; row < Math.Min(start + rows, mine.Count); row++)
        {
            var place = to.AsSpan((row - start) * (mine.Channels + More), mine.Channels + More);
            var from = mine.Row(row);
            for (var c = 0; c < from.Length; c++)
            {
                place[c] = from[c];
            }

            place[^2] = mine.Labels[row];
            place[^1] = mine.Indices.Count > 0 ? mine.Indices[row] : 0;
        }
    }
}

using System.Globalization;
using LDaeCore.Engine.Errors;

namespace LDaeCore.Model.Data;

/// <summary>Opens the data set of <c>--data</c>.</summary>
public static class ImageSourceFactory
{
    private const int SyntheticTrainCount = 10_000;
    private const int SyntheticTestCount = 2_000;
    private const string Remedy =
        "Give one of synthetic, synthetic:COUNT, cifar10:DIR, cifar100:DIR, folder:DIR, tar:GLOB, parquet:GLOB.";

    /// <summary>Opens a split of a data set.</summary>
    /// <param name="spec">
    /// <c>synthetic</c> (10,000 training and 2,000 test images) or <c>synthetic:COUNT</c>, <c>cifar10:DIR</c>, <c>cifar100:DIR</c>,
    /// <c>folder:DIR</c>, <c>tar:GLOB</c>, <c>parquet:GLOB</c>. Paths are not expanded: <c>~</c> is for shells.
    /// </param>
    /// <param name="train">The training split, or the one for tests.</param>
    /// <param name="imageSize">Side of synthetic images in pixels; stored images keep their size.</param>
    /// <param name="seed">Seed of synthetic images.</param>
    /// <param name="shardMegabytes">Megabytes of a Parquet set's row groups that may be held.</param>
    /// <returns>The source.</returns>
    /// <exception cref="LdaeException">Configuration: a malformed specification; Data: files missing or broken.</exception>
    public static IImageSource Open(string spec, bool train, int imageSize, ulong seed, int shardMegabytes = (int)(ParquetSource.DefaultBudget >> 20))
    {
        var colon = spec.IndexOf(':', StringComparison.Ordinal);
        var (scheme, rest) = colon < 0 ? (spec, null) : (spec[..colon], spec[(colon + 1)..]);
        return scheme switch
        {
            "synthetic" => new SyntheticSource(SyntheticCount(spec, rest, train), imageSize, seed, train),
            "cifar10" => CifarSource.Open(Location(spec, scheme, rest), 10, train),
            "cifar100" => CifarSource.Open(Location(spec, scheme, rest), 100, train),
            "folder" => FolderSource.Open(Location(spec, scheme, rest), train),
            "tar" => TarSource.Open(Location(spec, scheme, rest, "files", "GLOB"), train),
            "parquet" => ParquetSource.Open(Location(spec, scheme, rest, "files", "GLOB"), train, (long)shardMegabytes << 20),
            _ => throw Error($"data \"{spec}\": unknown scheme \"{scheme}\"; valid are synthetic, cifar10, cifar100, folder, tar, parquet."),
        };
    }

    private static int SyntheticCount(string spec, string? count, bool train)
    {
        if (count is null)
        {
            return train ? SyntheticTrainCount : SyntheticTestCount;
        }

        return int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0
            ? value
            : throw Error($"data \"{spec}\": \"{count}\" is not a number of images from 1 to {int.MaxValue}.");
    }

    private static string Location(string spec, string scheme, string? rest, string what = "a folder", string form = "DIR") =>
        string.IsNullOrEmpty(rest) ? throw Error($"data \"{spec}\": {scheme} needs {what}, {scheme}:{form}.") : rest;

    private static LdaeException Error(string message) => new(ErrorKind.Configuration, message, Remedy);
}

using LDaeCore.Model.Data;
using LDaeCore.Tests.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Fuzzing;

/// <summary>Parquet files, broken in thousands of ways.</summary>
public sealed class ParquetFuzzTests
{
    [TestCase(2_000)]
    [TestCase(100_000, Category = "Long")]
    public void Files(int inputs)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "train.parquet");
        byte[][] seeds = [.. ((string[])["snappy", "gzip", "plain-v2", "missing"]).Select(name => File.ReadAllBytes(ParquetSourceTests.Golden(name)))];
        const long most = (3 * ImageDecoder.MostPixels) + (64 << 20);
        Fuzz.Run(inputs, seeds, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            var source = ParquetSource.Open(path, train: true);
            for (var i = 0; i < Math.Min(source.Count, 4); i++)
            {
                // An image that is missing or broken is one bad sample.
                if (source.Label(i) != 1)
                {
                    source.Decode(i);
                }

                Assert.That(source.Label(i), Is.InRange(0, source.ClassNames.Count - 1));
            }
        }, most);
    }
}

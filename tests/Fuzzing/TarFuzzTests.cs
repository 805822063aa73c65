using System.Formats.Tar;
using LDaeCore.Model.Data;
using LDaeCore.Tests.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Fuzzing;

/// <summary>Tar shards, broken in thousands of ways.</summary>
public sealed class TarFuzzTests
{
    [TestCase(2_000)]
    [TestCase(100_000, Category = "Long")]
    public void Shards(int inputs)
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "train.tar");
        var png = TarSourceTests.Png(7);
        byte[][] seeds = [.. ((TarEntryFormat[])[TarEntryFormat.Ustar, TarEntryFormat.Gnu, TarEntryFormat.Pax]).Select(format => Tar.Archive(
            format, ("a.png", png), ("a.cls", "1"u8.ToArray()), ($"{string.Join('/', Enumerable.Repeat("folder", 16))}/b.cls", "0"u8.ToArray()),
            ($"{string.Join('/', Enumerable.Repeat("folder", 16))}/b.png", png)))];
        const long most = (3 * ImageDecoder.MostPixels) + (64 << 20);
        Fuzz.Run(inputs, seeds, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            var source = TarSource.Open(path, train: true);
            for (var i = 0; i < source.Count; i++)
            {
                source.Decode(i);
                Assert.That(source.Label(i), Is.InRange(0, source.ClassNames.Count - 1));
            }
        }, most);
    }
}

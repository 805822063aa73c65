using System.Formats.Tar;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using NUnit.Framework;
using SkiaSharp;

namespace LDaeCore.Tests.Model.Data;

/// <summary>Tar shards: what is a sample, which files a pattern names, what is refused, and the order of a run over them.</summary>
public sealed class TarSourceTests : FolderPerTest
{
    [TestCase(TarEntryFormat.Ustar)]
    [TestCase(TarEntryFormat.Gnu)]
    [TestCase(TarEntryFormat.Pax)]
    public void Samples_are_files_of_one_name(TarEntryFormat format)
    {
        // Longer than a header has room for, but for ustar, whose names end at 255.
        var deep = string.Join('/', Enumerable.Repeat("folder", format == TarEntryFormat.Ustar ? 20 : 60));
        Folder.Write("train-0.tar", Tar.Archive(
            format,
            ("readme.txt", [1, 2, 3]), ("a.v1.json", "{}"u8.ToArray()), ("one.png", Png(10)), ("one.cls", "2"u8.ToArray()), ("one.json", "{}"u8.ToArray()),
            ($"{deep}/two.cls", "0"u8.ToArray()), ($"{deep}/two.png", Png(20)), ("other/two.png", Png(30)), ("other/two.cls", " 1\n"u8.ToArray())));
        var source = TarSource.Open(Folder["train-*.tar"], train: true);
        Assert.That(source.Count, Is.EqualTo(3));
        Assert.That(Enumerable.Range(0, 3).Select(source.Label), Is.EqualTo(new[] { 2, 0, 1 }));
        Assert.That(Enumerable.Range(0, 3).Select(i => source.Decode(i).Pixels[0]), Is.EqualTo(new byte[] { 10, 20, 30 }));
        Assert.That(source.ClassNames, Is.EqualTo(new[] { "0", "1", "2" }));
        Assert.That(source.Describe(1), Does.Contain("train-0.tar"));
    }

    [Test]
    public void Patterns_name_files_in_order_ranges_whole_and_test_splits_by_their_word()
    {
        foreach (var (name, first) in new[] { ("set/train/part-01.tar", 1), ("set/train/part-00.tar", 0), ("set/train/part-02.tar", 2), ("set/val/part-00.tar", 9) })
        {
            Folder.Write(name, Tar.Shard(first, [(Png((byte)first), 0)]));
        }

        byte[] Read(string pattern, bool train = true)
        {
            var source = TarSource.Open(Folder[pattern], train);
            return [.. Enumerable.Range(0, source.Count).Select(i => source.Decode(i).Pixels[0])];
        }

        Assert.That(Read("set/train/*.tar"), Is.EqualTo(new byte[] { 0, 1, 2 }));
        Assert.That(Read("set/*/part-0?.tar"), Is.EqualTo(new byte[] { 0, 1, 2, 9 }));
        Assert.That(Read("set/train/part-{01..02}.tar"), Is.EqualTo(new byte[] { 1, 2 }));
        Assert.That(Read("set/train/part-{00..02}.tar", train: false), Is.EqualTo(new byte[] { 9 }));
        Folder.Write("train/a-train-00000-of-00001.tar", Tar.Shard(0, [(Png(4), 0)]));
        Folder.Write("test/a-test-00000-of-00003.tar", Tar.Shard(0, [(Png(5), 0)]));
        Assert.That(Read("train/a-train-00000-of-00001.tar"), Is.EqualTo(new byte[] { 4 }));
        Assert.That(Read("train/a-train-00000-of-00001.tar", train: false), Is.EqualTo(new byte[] { 5 }), "each 'train', and the other split's count");
        DataErrors.AssertThrown(() => Read("set/train/part-{00..03}.tar"), "part-03.tar");
        DataErrors.AssertThrown(() => Read("nothing/*.tar"), "nothing");
        DataErrors.AssertThrown(() => Read("set/val/*.tar", train: false), "test split");
    }

    [Test]
    public void Damaged_shards_are_refused_with_the_byte()
    {
        var whole = Tar.Shard(0, [(Png(1), 0), (Png(2), 1)]);
        void Refused(byte[] bytes, params string[] fragments)
        {
            var path = Folder.Write("train.tar", bytes);
            DataErrors.AssertThrown(() => TarSource.Open(path, train: true), [path, .. fragments]);
        }

        Refused(whole[..540], "byte 0", "does not end");
        Refused(whole[..1100], "byte 1024");
        Refused([.. whole[..200], 7, .. whole[201..]], "byte 0", "checksum");
        Refused([], "closes");
        Refused(whole[..2048], "byte 2048", "closes");
        Refused(new byte[1024], "no image");
        Refused([.. whole, .. whole], "follows the end", "concatenate");
        Refused(Tar.Archive(TarEntryFormat.Ustar, ("a.png", Png(1)), ("a.cls", "-1"u8.ToArray())), "a.cls");
        Refused(Tar.Archive(TarEntryFormat.Ustar, ("a.png", Png(1)), ("a.cls", "100000"u8.ToArray())), "a.cls");
        Refused(Tar.Archive(TarEntryFormat.Ustar, ("a.png", Png(1)), ("b.png", Png(1)), ("b.cls", "1"u8.ToArray())), "byte 512", "no .cls");
    }

    /// <summary>As macOS and editors leave them, between the files of a sample too.</summary>
    [Test]
    public void Hidden_files_and_such_without_an_extension_separate_no_sample()
    {
        var shard = Tar.Archive(
            TarEntryFormat.Pax,
            ("set/._one.png", [1]), ("set/one.png", Png(10)), ("set/._one.cls", [2]), ("set/.DS_Store", [3]), ("set/README", [4]), ("set/one.cls", "3"u8.ToArray()));
        var source = TarSource.Open(Folder.Write("train.tar", shard), train: true);
        Assert.That((source.Count, source.Label(0)), Is.EqualTo((1, 3)));
    }

    [Test]
    public void Classes_that_lie_apart_from_their_images_are_not_taken_for_none()
    {
        var shard = Tar.Archive(TarEntryFormat.Gnu, ("a.png", Png(1)), ("b.png", Png(2)), ("a.cls", "0"u8.ToArray()), ("b.cls", "1"u8.ToArray()));
        Assert.That(
            () => TarSource.Open(Folder.Write("train.tar", shard), train: true),
            Throws.TypeOf<LdaeException>().With.Message.Contains("byte 512: no .cls").And.Property("Remedy").Contains("--sort=name"));
    }

    [TestCase("gzip", new byte[] { 0x1f, 0x8b, 8, 0 })]
    [TestCase("bzip2", new byte[] { 0x42, 0x5a, 0x68, 0x39 })]
    [TestCase("xz", new byte[] { 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0 })]
    [TestCase("zstd", new byte[] { 0x28, 0xb5, 0x2f, 0xfd })]
    public void A_compressed_shard_is_refused_by_the_name_of_its_compression(string name, byte[] start)
    {
        var path = Folder.Write("train.tar", [.. start, .. new byte[600]]);
        Assert.That(
            () => TarSource.Open(path, train: true), Throws.TypeOf<LdaeException>().With.Message.Contains($"{path} is compressed by {name}").And.Property("Remedy").Contains("-d"));
    }

    [Test]
    public void An_epoch_goes_through_the_shards_in_another_order_each_time_and_meets_every_image_once()
    {
        const int shards = 10, each = 100, buffer = 50;
        var order = new EpochOrder([.. Enumerable.Range(0, shards * each)], 5, [.. Enumerable.Range(0, shards).Select(s => s * each)], buffer);
        int[] Epoch(int epoch) => [.. Enumerable.Range(0, shards * each).Select(i => order.At(((long)epoch * shards * each) + i))];
        int[] first = Epoch(0), second = Epoch(1);
        Assert.That(first, Is.EquivalentTo(Enumerable.Range(0, shards * each)));
        Assert.That(second, Is.EquivalentTo(first));
        Assert.That(second, Is.Not.EqualTo(first));
        Assert.That(first.Take(each).Select(i => i / each).Distinct().Count(), Is.InRange(2, 2), "what is read ahead is one shard and the buffer");
        Assert.That(first.Chunk(each).Select(part => part.Zip(part.Skip(1)).Count(p => p.Second == p.First + 1)), Has.All.LessThan(each / 4), "shuffled inside");
        Assert.That(
            new[] { first, second }.Select(e => e[0] / each).Distinct().Count() + new[] { first, second }.Select(e => e[^1] / each).Distinct().Count(), Is.GreaterThan(2),
            "other shards begin and end");
    }

    [Test]
    public void Batches_go_on_from_a_step_with_the_same_images()
    {
        for (var shard = 0; shard < 4; shard++)
        {
            Folder.Write($"train-{shard}.tar", Tar.Shard(shard * 6, Enumerable.Range(shard * 6, 6).Select(i => (Png((byte)(10 * i)), i % 3))));
        }

        var source = TarSource.Open(Folder["train-*.tar"], train: true);
        Assert.That(source.ShardStarts, Is.EqualTo(new[] { 0, 6, 12, 18 }));
        var all = Steps(source, 0, 12);
        Assert.That(Steps(source, 5, 7), Is.EqualTo(all[5..]));
        Assert.That(all.SelectMany(b => b).Take(24).Select(i => i.Index), Is.EquivalentTo(Enumerable.Range(0, 24)));
        Assert.That(all.SelectMany(b => b).Select(i => (i.Label, i.Pixel)), Is.EqualTo(all.SelectMany(b => b).Select(i => (i.Index % 3, (byte)(10 * i.Index)))));
    }

    /// <summary>An index of a few bytes an image and two batches are all there is, whatever the images weigh.</summary>
    [Test]
    public void What_is_held_does_not_grow_with_the_images()
    {
        const int shards = 10, each = 100, side = 192, batch = 25;
        var image = Noise(side);
        for (var shard = 0; shard < shards; shard++)
        {
            Folder.Write($"train-{shard}.tar", Tar.Shard(shard * each, Enumerable.Repeat((image, 0), each)));
        }

        // What decoding borrows stays with the process, however many images come: one is decoded before the count.
        TarSource.Open(Folder["train-0.tar"], train: true).Decode(0);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var source = TarSource.Open(Folder["train-*.tar"], train: true);
        using var loader = new BatchLoader(source, [.. Enumerable.Range(0, source.Count)], new Augmentation(32, false, 1, false), batch, 1, cacheBytes: 0);
        var quarter = 0L;
        for (var step = 0; step < source.Count / batch; step++)
        {
            loader.Return(loader.Next());
            quarter = step == source.Count / batch / 4 ? GC.GetTotalMemory(forceFullCollection: true) : quarter;
        }

        // What each worker borrows to decode is there after a quarter of the images, and nothing comes from the other three.
        Assert.That(GC.GetTotalMemory(forceFullCollection: true) - quarter, Is.LessThan(4 << 20), "from a quarter of the images to all");
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.That(held, Is.LessThan(8 << 20), $"of {(long)source.Count * side * side * 3 >> 20} MiB decoded and {(long)source.Count * image.Length >> 20} MiB encoded");
        GC.KeepAlive(source);
    }

    /// <summary>Nothing that grows with a data set is held: its images decoded are more than a gigabyte, its files hundreds of megabytes.</summary>
    [Test]
    [Category("Long")]
    public void Memory_stays_flat_over_a_large_set()
    {
        const int shards = 8, each = 750, side = 256;
        var image = Noise(side);
        for (var shard = 0; shard < shards; shard++)
        {
            Folder.Write($"train-{shard}.tar", Tar.Shard(shard * each, Enumerable.Repeat((image, 0), each)));
        }

        var source = TarSource.Open(Folder["train-*.tar"], train: true);
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        const int batch = 50;
        using var loader = new BatchLoader(source, [.. Enumerable.Range(0, source.Count)], new Augmentation(64, false, 1, false), batch, 1);
        long early = 0, late = 0;
        for (var step = 0; step < source.Count / batch; step++)
        {
            loader.Return(loader.Next());
            process.Refresh();
            var (part, resident) = (10 * step * batch / source.Count, process.WorkingSet64);
            early = part == 1 ? Math.Max(early, resident) : early;
            late = part == 9 ? Math.Max(late, resident) : late;
        }

        var files = Directory.GetFiles(Folder.Path).Sum(f => new FileInfo(f).Length);
        TestContext.Out.WriteLine(
            $"{files / 1e6:F0} MB of shards, {(long)source.Count * side * side * 3 / 1e6:F0} MB decoded; resident {early / 1e6:F0} MB in the second tenth of an epoch, "
                + $"{late / 1e6:F0} MB in the last");
        Assert.That(late, Is.LessThan(early + (100 << 20)));
    }

    private static List<(int Index, int Label, byte Pixel)[]> Steps(TarSource source, long first, int count)
    {
        using var loader = new BatchLoader(source, [.. Enumerable.Range(0, source.Count)], new Augmentation(4, false, 1, false), 4, 3, first);
        var all = new List<(int, int, byte)[]>();
        for (var step = 0; step < count; step++)
        {
            var batch = loader.Next();
            all.Add([.. Enumerable.Range(0, batch.Count).Select(i => (batch.Indices[i], batch.Labels[i], batch.Pixels[i * 4 * 4 * 3]))]);
            loader.Return(batch);
        }

        return all;
    }

    internal static byte[] Png(byte grey)
    {
        using var bitmap = new SKBitmap(4, 4, SKColorType.Rgba8888, SKAlphaType.Opaque);
        bitmap.Erase(new SKColor(grey, grey, grey));
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private static byte[] Noise(int side)
    {
        using var bitmap = new SKBitmap(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque);
        new Random(1).NextBytes(bitmap.GetPixelSpan());
        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 80);
        return data.ToArray();
    }
}

using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Data;

/// <summary>Parquet files that DuckDB wrote (tests/goldens/README.md): what is read, what is refused, what is held, and the order of a run.</summary>
public sealed class ParquetSourceTests : FolderPerTest
{
    private static readonly string Goldens = Path.Combine(TestContext.CurrentContext.TestDirectory, "goldens", "data");
    internal static string Golden(string name) => Path.Combine(Goldens, "parquet", $"duckdb-{name}.parquet");

    [TestCase("snappy", TestName = "A struct of bytes and path, snappy")]
    [TestCase("gzip", TestName = "A struct of bytes and path, gzip")]
    [TestCase("plain-v2", TestName = "A plain column, pages and encodings of version 2")]
    [TestCase("texts", TestName = "The only column of bytes, beside one of text")]
    public void Images_and_classes_are_those_that_were_written(string name)
    {
        var source = ParquetSource.Open(Golden(name), train: true);
        var files = Images();
        Assert.That(source.Count, Is.EqualTo(files.Length));
        Assert.That(Enumerable.Range(0, source.Count).Select(source.Label), Is.EqualTo(Enumerable.Range(0, source.Count).Select(i => i % 3)));
        foreach (var (i, path) in files.Index())
        {
            var (found, expected) = (source.Decode(i), ImageDecoder.Decode(File.ReadAllBytes(path), path));
            Assert.That((found.Width, found.Height), Is.EqualTo((expected.Width, expected.Height)), path);
            Assert.That(found.Pixels, Is.EqualTo(expected.Pixels), path);
        }

        Assert.That(source.Describe(4), Does.EndWith(".parquet, row 4"));
        Assert.That(source.GroupLoads, Is.EqualTo(1));
    }

    [Test]
    public void Classes_have_the_names_that_the_file_gives_and_else_numbers()
    {
        Assert.That(ParquetSource.Open(Golden("snappy"), train: true).ClassNames, Is.EqualTo(new[] { "zero", "one", "two", "three" }));
        Assert.That(ParquetSource.Open(Golden("plain-v2"), train: true).ClassNames, Is.EqualTo(new[] { "0", "1", "2" }));
    }

    [Test]
    public void A_missing_image_is_an_unreadable_one()
    {
        var source = ParquetSource.Open(Golden("missing"), train: true);
        DataErrors.AssertThrown(() => source.Decode(1), "duckdb-missing.parquet, row 1", "no image");
        Assert.That(source.Decode(2).Pixels, Is.EqualTo(ImageDecoder.Decode(File.ReadAllBytes(Images()[2]), "").Pixels), "those behind it are not moved");
        Assert.That(source.Label(1), Is.EqualTo(1));
    }

    [Test]
    public void What_cannot_be_read_is_refused_and_named()
    {
        var whole = File.ReadAllBytes(Golden("snappy"));
        void Refused(byte[] bytes, params string[] fragments)
        {
            var path = Folder.Write("train.parquet", bytes);
            DataErrors.AssertThrown(() => ParquetSource.Open(path, train: true).Decode(0), [path, .. fragments]);
        }

        Refused(whole[..^1], "cut short");
        Refused(whole[..8], "not a Parquet file");
        Refused([.. whole[..^8], 255, 255, 255, 0, .. whole[^4..]], "footer");
        Refused([.. whole[..^4], .. "PARE"u8], "encrypted");
        Refused(File.ReadAllBytes(Golden("zstd")), "ZSTD", "snappy");
        Refused(File.ReadAllBytes(Golden("words")), "column label holds text", "number");
        DataErrors.AssertThrown(() => ParquetSource.Open(Folder["none-*.parquet"], train: true), "none-*");
    }

    [Test]
    public void Few_row_groups_are_open_at_a_time_and_every_image_is_met_once()
    {
        const int shards = 10, each = 100, open = 3;
        var order = new EpochOrder([.. Enumerable.Range(0, shards * each)], 5, [.. Enumerable.Range(0, shards).Select(s => s * each)], openShards: open);
        int[] Epoch(int epoch) => [.. Enumerable.Range(0, shards * each).Select(i => order.At(((long)epoch * shards * each) + i))];
        int[] first = Epoch(0), second = Epoch(1);
        Assert.That(first, Is.EquivalentTo(Enumerable.Range(0, shards * each)));
        Assert.That(second, Is.EquivalentTo(first).And.Not.EqualTo(first));
        var left = Enumerable.Repeat(each, shards).ToArray();
        foreach (var image in first)
        {
            left[image / each]--;
            Assert.That(left.Count(l => l is > 0 and < each), Is.LessThanOrEqualTo(open));
        }

        Assert.That(first.Take(each).Select(i => i / each).Distinct().Count(), Is.EqualTo(open), "drawn from all of them");
        Assert.That(
            new EpochOrder([.. Enumerable.Range(0, shards * each)], 5, [.. Enumerable.Range(0, shards).Select(s => s * each)], openShards: open).At(1234), Is.EqualTo(second[234]));
    }

    [Test]
    public void Batches_go_on_from_a_step_and_no_more_is_held_than_the_budget()
    {
        const int files = 12;
        var bytes = File.ReadAllBytes(Golden("snappy"));
        for (var i = 0; i < files; i++)
        {
            Folder.Write($"train-{i:00}.parquet", bytes);
        }

        // Room for five groups, of which two are drawn from.
        var unpacked = Images().Sum(path => new FileInfo(path).Length);
        var source = ParquetSource.Open(Folder["train-*.parquet"], train: true, 5 * unpacked);
        Assert.That(source.OpenShards, Is.EqualTo(2));
        Assert.That(source.ShardStarts, Is.EqualTo(Enumerable.Range(0, files).Select(i => 23 * i)));
        var all = Steps(source, 0, files * 23 / 4);
        Assert.That(all.SelectMany(step => step), Is.EquivalentTo(Enumerable.Range(0, files * 23)));
        Assert.That(source.HeldBytes, Is.LessThanOrEqualTo(5 * unpacked));
        Assert.That(source.GroupLoads, Is.InRange(files, files + 4), "each group once, and those of the batches read ahead");
        Assert.That(Steps(source, 30, 10), Is.EqualTo(all[30..40]));
    }

    [Test]
    public void What_is_held_is_the_recipes_choice_planned_for_and_refused_where_it_does_not_fit()
    {
        var all = Images().Sum(path => new FileInfo(path).Length);
        var recipe = Toy.Recipe("data.shardMegabytes=1", "train.steps=2");
        Assert.That(ParquetSource.Open(Golden("snappy"), train: true).ResidentBytes, Is.InRange(all, 2 * all), "a set that is held whole");
        var source = ImageSourceFactory.Open($"parquet:{Golden("snappy")}", train: true, 32, 1, recipe.Data.ShardMegabytes);
        Assert.That(source.OpenShards, Is.EqualTo((1 << 19) / source.ResidentBytes), "half a megabyte is drawn from");

        using var backend = new CpuBackend(1);
        var error = Assert.Throws<LdaeException>(() => new Pretraining(Toy.Options(recipe, backend, Folder.Path) with { Source = source, MemoryBytes = 1000 }).Run())!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Configuration));
        Assert.That(error.Remedy, Does.Contain("data.shardMegabytes below 1 "));
    }

    private static List<int[]> Steps(ParquetSource source, long first, int count)
    {
        using var loader = new BatchLoader(source, [.. Enumerable.Range(0, source.Count)], new Augmentation(4, false, 1, false), 4, 3, first, cacheBytes: 0);
        var all = new List<int[]>();
        for (var step = 0; step < count; step++)
        {
            var batch = loader.Next();
            all.Add([.. batch.Indices.AsSpan(0, batch.Count)]);
            loader.Return(batch);
        }

        return all;
    }

    private static string[] Images() =>
        [.. Directory.GetFiles(Path.Combine(Goldens, "images")).Where(path => Path.GetExtension(path) is ".jpg" or ".png" or ".webp").Order(StringComparer.Ordinal)];
}

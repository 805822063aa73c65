using LDaeCore.Model.Data;
using NUnit.Framework;
using SkiaSharp;

namespace LDaeCore.Tests.Model.Data;

public sealed class FolderSourceTests : FolderPerTest
{
    private static readonly byte[] Png = ImageDecoderTests.Encode(9, 6, SKEncodedImageFormat.Png, 100).Encoded;

    [Test]
    public void Classes_are_the_sorted_training_folders_and_files_follow_sorted_within_them()
    {
        Folder.Write("train/zebra/b.png", Png);
        Folder.Write("train/Zoo/only one.PNG", Png);
        Folder.Write("train/élan vital/ねこ 1.png", Png);
        Folder.Write("train/zebra/a.png", Png);
        Directory.CreateDirectory(Path.Combine(Folder.Path, "train", "empty"));
        Folder.Write("val/zebra/v.png", Png);

        var train = FolderSource.Open(Folder.Path, train: true);
        var val = FolderSource.Open(Folder.Path, train: false);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(train.ClassNames, Is.EqualTo(new[] { "Zoo", "empty", "zebra", "élan vital" }));
            Assert.That(
                Enumerable.Range(0, train.Count).Select(i => (train.Label(i), Path.GetFileName(train.Describe(i)))),
                Is.EqualTo(new[] { (0, "only one.PNG"), (2, "a.png"), (2, "b.png"), (3, "ねこ 1.png") }));
            Assert.That(val.ClassNames, Is.EqualTo(train.ClassNames));
            Assert.That((val.Count, val.Label(0)), Is.EqualTo((1, 2)));
            Assert.That(train.Decode(3).Width, Is.EqualTo(9));
        }
    }

    [TestCase(SKEncodedImageFormat.Png, "a.PnG", 0)]
    [TestCase(SKEncodedImageFormat.Jpeg, "a.jpg", 12)]
    [TestCase(SKEncodedImageFormat.Jpeg, "a.JPEG", 12)]
    [TestCase(SKEncodedImageFormat.Webp, "a.webp", 12)]
    public void Every_format_decodes_at_its_own_size(SKEncodedImageFormat format, string name, int tolerance)
    {
        var (encoded, pixels) = ImageDecoderTests.Encode(40, 24, format, 95);
        Folder.Write("train/c/" + name, encoded);
        Folder.Write("train/c/notes.txt", [1, 2, 3]);
        var source = FolderSource.Open(Folder.Path, train: true);
        Assert.That(source.Count, Is.EqualTo(1));
        var image = source.Decode(0);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((image.Width, image.Height), Is.EqualTo((40, 24)));
            Assert.That(image.Pixels.Zip(pixels, (a, b) => Math.Abs(a - b)).Max(), Is.LessThanOrEqualTo(tolerance));
        }
    }

    [Test]
    public void The_second_split_is_val_or_else_test()
    {
        Folder.Write("train/c/a.png", Png);
        DataErrors.AssertThrown(() => FolderSource.Open(Folder.Path, train: false), Folder.Path, "val or test");
        Folder.Write("test/c/t.png", Png);
        Assert.That(FolderSource.Open(Folder.Path, train: false).Describe(0), Does.EndWith("t.png"));
        Folder.Write("val/c/v.png", Png);
        Assert.That(FolderSource.Open(Folder.Path, train: false).Describe(0), Does.EndWith("v.png"));
    }

    [Test]
    public void A_class_that_training_lacks_is_named()
    {
        Folder.Write("train/cat/a.png", Png);
        Folder.Write("val/dog/a.png", Png);
        DataErrors.AssertThrown(() => FolderSource.Open(Folder.Path, train: false), "\"dog\"", "val");
    }

    [Test]
    public void No_image_no_folder_and_no_split_are_errors()
    {
        var missing = Folder["nowhere"];
        DataErrors.AssertThrown(() => FolderSource.Open(missing, train: true), missing, "no such folder");
        DataErrors.AssertThrown(() => FolderSource.Open(Folder.Path, train: true), Folder.Path, "train");
        Folder.Write("train/cat/readme.txt", Png);
        DataErrors.AssertThrown(() => FolderSource.Open(Folder.Path, train: true), "train", "no image");
    }

    [Test]
    public void Links_to_folders_are_not_followed_and_links_to_files_are()
    {
        var file = Folder.Write("elsewhere/a.png", Png);
        Folder.Write("train/cat/a.png", Png);
        File.CreateSymbolicLink(Path.Combine(Folder.Path, "train", "cat", "b.png"), file);
        Directory.CreateSymbolicLink(Path.Combine(Folder.Path, "train", "dog"), Path.GetDirectoryName(file)!);
        Directory.CreateSymbolicLink(Path.Combine(Folder.Path, "train", "cat", "loop.png"), Folder["train"]);
        var source = FolderSource.Open(Folder.Path, train: true);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(source.ClassNames, Is.EqualTo(new[] { "cat" }));
            Assert.That(source.Count, Is.EqualTo(2));
            Assert.That(source.Decode(1).Height, Is.EqualTo(6));
        }
    }

    [Test]
    public void A_broken_file_fails_when_decoded_by_its_path()
    {
        Folder.Write("train/cat/a.png", Png);
        var empty = Folder.Write("train/cat/empty.jpg", []);
        var gone = Folder.Write("train/cat/gone.png", Png);
        var half = Folder.Write("train/cat/half.png", Png[..(Png.Length / 2)]);
        var source = FolderSource.Open(Folder.Path, train: true);
        File.Delete(gone);
        Assert.That(source.Decode(0).Width, Is.EqualTo(9));
        DataErrors.AssertThrown(() => source.Decode(1), empty);
        DataErrors.AssertThrown(() => source.Decode(2), gone);
        DataErrors.AssertThrown(() => source.Decode(3), half);
    }

    [Test]
    public void Threads_may_decode_at_once()
    {
        for (var i = 0; i < 8; i++)
        {
            Folder.Write($"train/c/{i}.png", ImageDecoderTests.Encode(5 + i, 6, SKEncodedImageFormat.Png, 100).Encoded);
        }

        var source = FolderSource.Open(Folder.Path, train: true);
        var widths = new int[64];
        Parallel.For(0, widths.Length, i => widths[i] = source.Decode(i % 8).Width);
        Assert.That(widths, Is.EqualTo(Enumerable.Range(0, 64).Select(i => 5 + (i % 8))));
    }
}

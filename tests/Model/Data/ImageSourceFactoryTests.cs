using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using NUnit.Framework;
using SkiaSharp;

namespace LDaeCore.Tests.Model.Data;

public sealed class ImageSourceFactoryTests
{
    [TestCase("synthetic", true, 10_000)]
    [TestCase("synthetic", false, 2_000)]
    [TestCase("synthetic:37", true, 37)]
    [TestCase("synthetic:37", false, 37)]
    public void Synthetic_images_have_the_asked_count_size_seed_and_split(string spec, bool train, int count)
    {
        var source = ImageSourceFactory.Open(spec, train, 24, 9);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(source.Count, Is.EqualTo(count));
            Assert.That(source.Decode(5).Pixels, Is.EqualTo(new SyntheticSource(count, 24, 9, train).Decode(5).Pixels));
        }
    }

    [TestCase("cifar10", "data_batch_1.bin", 3073, 10)]
    [TestCase("cifar100", "train.bin", 3074, 100)]
    public void Cifar_opens_from_a_folder_with_any_name(string scheme, string file, int bytes, int classes)
    {
        using var folder = new TemporaryFolder();
        folder.Write("a: b ~/" + file, new byte[bytes]);
        var source = ImageSourceFactory.Open($"{scheme}:{folder.Path}/a: b ~", train: true, 32, 0);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(source, Is.InstanceOf<CifarSource>());
            Assert.That((source.Count, source.ClassNames.Count), Is.EqualTo((1, classes)));
        }
    }

    [Test]
    public void Folders_open()
    {
        using var folder = new TemporaryFolder();
        folder.Write("train/c/a.png", ImageDecoderTests.Encode(3, 4, SKEncodedImageFormat.Png, 100).Encoded);
        Assert.That(ImageSourceFactory.Open("folder:" + folder.Path, train: true, 32, 0), Is.InstanceOf<FolderSource>());
    }

    [TestCase("tar:", "tar:GLOB")]
    [TestCase("parquet:", "parquet:GLOB")]
    [TestCase("mnist:x", "cifar100")]
    [TestCase("", "synthetic")]
    [TestCase("Synthetic", "\"Synthetic\"")]
    [TestCase("/data/cifar", "folder")]
    [TestCase("synthetic:0", "\"0\"")]
    [TestCase("synthetic:", "\"\"")]
    [TestCase("synthetic:-5", "\"-5\"")]
    [TestCase("synthetic:3000000000", "\"3000000000\"")]
    [TestCase("cifar10", "cifar10:DIR")]
    [TestCase("folder:", "folder:DIR")]
    public void A_malformed_specification_is_a_configuration_error(string spec, string fragment)
    {
        var error = Assert.Throws<LdaeException>(() => ImageSourceFactory.Open(spec, train: true, 32, 0));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error!.Kind, Is.EqualTo(ErrorKind.Configuration));
            Assert.That(error.Message, Does.Contain(fragment).And.Contain($"\"{spec}\""));
            Assert.That(error.Remedy, Does.Contain("cifar10:DIR").And.Contain("parquet:GLOB"));
        }
    }

    [TestCase("cifar10:")]
    [TestCase("cifar100:")]
    [TestCase("folder:")]
    public void A_missing_path_is_a_data_error(string scheme)
    {
        using var folder = new TemporaryFolder();
        var missing = Path.Combine(folder.Path, "nowhere");
        DataErrors.AssertThrown(() => ImageSourceFactory.Open(scheme + missing, train: true, 32, 0), missing);
        DataErrors.AssertThrown(() => ImageSourceFactory.Open(scheme + "~", train: true, 32, 0), "~: no such folder");
        var file = folder.Write("file.bin", [1]);
        DataErrors.AssertThrown(() => ImageSourceFactory.Open(scheme + file, train: true, 32, 0), $"{file} is a file");
    }
}

using System.Text;
using LDaeCore.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Data;

public sealed class CifarSourceTests
{
    [Test]
    public void Planes_become_interleaved_pixels_and_records_follow_in_file_order()
    {
        using var folder = new TemporaryFolder();
        folder.Write("data_batch_4.bin", Records(Record(10, 7, 3)));
        folder.Write("data_batch_2.bin", Records(Record(10, 1, 1), Record(10, 9, 2)));
        var source = CifarSource.Open(folder.Path, 10, train: true);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(source.Count, Is.EqualTo(3));
            Assert.That(Enumerable.Range(0, 3).Select(source.Label), Is.EqualTo(new[] { 1, 9, 7 }));
            Assert.That(source.Describe(2), Is.EqualTo(Path.Combine(folder.Path, "data_batch_4.bin") + ", record 0"));
            for (var i = 0; i < 3; i++)
            {
                var image = source.Decode(i);
                Assert.That((image.Width, image.Height), Is.EqualTo((32, 32)));
                Assert.That(image.Pixels, Is.EqualTo(ExpectedPixels(i + 1)));
            }
        }
    }

    [Test]
    public void The_test_split_is_its_own_file_and_class_names_are_built_in()
    {
        using var folder = new TemporaryFolder();
        folder.Write("data_batch_1.bin", Records(Record(10, 1, 1), Record(10, 2, 1)));
        folder.Write("test_batch.bin", Records(Record(10, 5, 1)));
        var source = CifarSource.Open(folder.Path, 10, train: false);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(source.Count, Is.EqualTo(1));
            Assert.That(source.ClassNames[source.Label(0)], Is.EqualTo("dog"));
            Assert.That(source.Name, Does.Contain("test"));
        }
    }

    [Test]
    public void The_fine_label_is_the_class_of_the_hundred()
    {
        using var folder = new TemporaryFolder();
        folder.Write("train.bin", Records(Record(100, 99, 4), Record(100, 0, 5)));
        folder.Write("test.bin", Records(Record(100, 42, 6)));
        var train = CifarSource.Open(folder.Path, 100, train: true);
        var test = CifarSource.Open(folder.Path, 100, train: false);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(train.Count, Is.EqualTo(2));
            Assert.That(train.Label(0), Is.EqualTo(99));
            Assert.That(train.Decode(1).Pixels, Is.EqualTo(ExpectedPixels(5)));
            Assert.That(test.Label(0), Is.EqualTo(42));
            Assert.That(test.ClassNames, Has.Count.EqualTo(100).And.Unique);
            Assert.That(test.ClassNames[7], Is.EqualTo("class 07"));
        }
    }

    [TestCase(10, "batches.meta.txt", "test_batch.bin")]
    [TestCase(100, "fine_label_names.txt", "test.bin")]
    public void Names_come_from_the_data_set_where_it_has_them(int classes, string names, string data)
    {
        using var folder = new TemporaryFolder();
        folder.Write(data, Records(Record(classes, 3, 1)));
        folder.Write(names, Encoding.UTF8.GetBytes(string.Join("\r\n", Enumerable.Range(0, classes).Select(i => $"n{i}")) + "\n\n"));
        Assert.That(CifarSource.Open(folder.Path, classes, train: false).ClassNames[3], Is.EqualTo("n3"));

        folder.Write(names, "one\ntwo\n"u8.ToArray());
        DataErrors.AssertThrown(() => CifarSource.Open(folder.Path, classes, train: false), names, $"{classes}", "found 2");
    }

    [TestCase(10, "test_batch.bin", 0, 3073)]
    [TestCase(10, "test_batch.bin", 3072, 3073)]
    [TestCase(10, "test_batch.bin", 6147, 3073)]
    [TestCase(100, "test.bin", 3073, 3074)]
    public void A_broken_length_names_file_and_bytes(int classes, string name, int length, int record)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write(name, new byte[length]);
        DataErrors.AssertThrown(() => CifarSource.Open(folder.Path, classes, train: false), path, $"{record} bytes", $"found {length} bytes");
    }

    [TestCase(10, "test_batch.bin", 10)]
    [TestCase(100, "test.bin", 100)]
    public void A_label_out_of_range_names_the_record(int classes, string name, int label)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write(name, Records(Record(classes, 0, 1), Record(classes, label, 1)));
        DataErrors.AssertThrown(() => CifarSource.Open(folder.Path, classes, train: false), path, "record 1", $"found {label}");
    }

    [Test]
    public void A_missing_folder_or_file_is_named()
    {
        using var folder = new TemporaryFolder();
        var missing = Path.Combine(folder.Path, "nowhere");
        DataErrors.AssertThrown(() => CifarSource.Open(missing, 10, train: true), missing);
        DataErrors.AssertThrown(() => CifarSource.Open(folder.Path, 10, train: true), folder.Path, "data_batch_1.bin");
        DataErrors.AssertThrown(() => CifarSource.Open(folder.Path, 100, train: false), folder.Path, "test.bin");
    }

    private static byte[] Records(params byte[][] records) => [.. records.SelectMany(r => r)];

    private static byte[] Record(int classes, int label, int salt)
    {
        byte[] labels = classes == 10 ? [(byte)label] : [17, (byte)label];
        var planes = from channel in Enumerable.Range(0, 3)
                     from pixel in Enumerable.Range(0, 1024)
                     select Value(salt, channel, pixel);
        return [.. labels, .. planes];
    }

    private static byte[] ExpectedPixels(int salt) =>
        [.. Enumerable.Range(0, 3072).Select(i => Value(salt, i % 3, i / 3))];

    private static byte Value(int salt, int channel, int pixel) => (byte)((salt * 31) + (channel * 97) + (pixel * 7) + (pixel / 32));
}

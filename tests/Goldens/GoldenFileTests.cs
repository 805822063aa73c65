using System.Buffers.Binary;
using System.Text;
using NUnit.Framework;

namespace LDaeCore.Tests.Goldens;

/// <summary>The tests' own reader and measure of difference: that they can fail.</summary>
public sealed class GoldenFileTests
{
    [Test]
    public void Reads_every_type_with_its_shape()
    {
        var file = GoldenFile.Parse("made", Bytes(
            """
            {"__metadata__":{"a":"b"},"d":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]},
            "f":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},"const.i":{"dtype":"I32","shape":[1],"data_offsets":[20,24]},
            "l":{"dtype":"I64","shape":[],"data_offsets":[24,32]}}
            """,
            [.. BitConverter.GetBytes(1.25), .. BitConverter.GetBytes(-1e300), .. BitConverter.GetBytes(0.5f), .. BitConverter.GetBytes(-7), .. BitConverter.GetBytes(-9L)]));
        Assert.Multiple(() =>
        {
            Assert.That(file.Names, Is.EquivalentTo(["d", "f", "const.i", "l"]));
            Assert.That(file.Sizes("d"), Is.EqualTo([2, 1]));
            Assert.That(file.Values("d"), Is.EqualTo([1.25, -1e300]));
            Assert.That(file.Values("f"), Is.EqualTo([0.5]));
            Assert.That(file.Size("i"), Is.EqualTo(-7));
            Assert.That(file.Values("l"), Is.EqualTo([-9]));
            Assert.That(() => file.Values("x"), Throws.TypeOf<KeyNotFoundException>().With.Message.Contains("x"));
        });
    }

    [TestCase("""{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}}""", TestName = "Rejects_elements_past_the_end")]
    [TestCase("""{"a":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}}""", TestName = "Rejects_a_shape_that_does_not_fit")]
    [TestCase("""{"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}}""", TestName = "Rejects_an_unknown_type")]
    public void Rejects(string header) =>
        Assert.That(() => GoldenFile.Parse("made", Bytes(header, new byte[8])), Throws.TypeOf<InvalidDataException>().With.Message.Contains("made: a"));

    [Test]
    public void Rejects_a_cut_header() =>
        Assert.That(() => GoldenFile.Parse("made", Bytes("{}", []).AsSpan(0, 9)), Throws.TypeOf<InvalidDataException>());

    [Test]
    public void The_difference_is_relative_to_the_largest_golden_value() =>
        Assert.That(GoldenComparison.Error([1, -4], [1.5, -4]), Is.EqualTo(0.125));

    [TestCase(new[] { 1.0 }, new[] { 1.0, 2 })]
    [TestCase(new[] { 1.0, 2 }, new[] { 1.0 })]
    [TestCase(new[] { 1.0, 2 }, new[] { 1.0, double.NaN })]
    [TestCase(new[] { 1.0, double.NaN }, new[] { 1.0, 2 })]
    [TestCase(new[] { 0.0 }, new[] { 0.0 })]
    public void What_cannot_be_compared_is_infinitely_far(double[] golden, double[] actual) =>
        Assert.That(GoldenComparison.Error(golden, actual), Is.EqualTo(double.PositiveInfinity));

    private static byte[] Bytes(string header, byte[] body)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        return [.. length, .. text, .. body];
    }
}

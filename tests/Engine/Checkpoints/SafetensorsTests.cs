using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using CsCheck;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Checkpoints;

/// <summary>What is written is read; what is damaged is refused, by name and figure.</summary>
public sealed class SafetensorsTests
{
    private static readonly SafetensorsDType[] Written = [SafetensorsDType.F64, SafetensorsDType.F32, SafetensorsDType.I32, SafetensorsDType.U8];

    private static readonly Gen<string> GenName = Gen.OneOf(Gen.String[Gen.Char.AlphaNumeric, 1, 12], Gen.String[Gen.Char["\"\\/äπ日.\n\u0001 "], 1, 6]);

    private static readonly Gen<(string Name, SafetensorsDType DType, long[] Shape, byte[] Bytes)> GenTensor =
        from name in GenName
        from dtype in Gen.Int[0, 3].Select(i => Written[i])
        from shape in Gen.Long[0, 4].Array[0, 3]
        from bytes in Gen.Byte.Array[(int)shape.Aggregate(1L, (a, b) => a * b) * SafetensorsEntry.Size(dtype)]
        select (name, dtype, shape, bytes);

    [Test]
    public void Whatever_is_written_is_read_back()
    {
        using var folder = new TemporaryFolder();
        var path = folder["t.safetensors"];
        Gen.Select(GenTensor.Array[0, 6], Gen.Select(GenName, GenName).Array[0, 3]).Sample(
            (generated, texts) =>
            {
                var tensors = generated.DistinctBy(t => t.Name).ToArray();
                var metadata = texts.DistinctBy(t => t.Item1).ToDictionary(t => t.Item1, t => t.Item2);
                SafetensorsWriter.Write(path, [.. tensors.Select(t => new SafetensorsTensor(t.Name, t.DType, t.Shape, s => s.Write(t.Bytes)))], metadata);
                Assert.That(BitConverter.ToInt64(File.ReadAllBytes(path)) % 8, Is.Zero);
                using var file = SafetensorsFile.Open(path);
                Assert.That(file.Metadata, Is.EquivalentTo(metadata));
                Assert.That(file.Entries.Select(e => e.Name), Is.EqualTo(tensors.Select(t => t.Name)));
                foreach (var (name, dtype, shape, bytes) in tensors)
                {
                    var read = new byte[file[name].ByteCount];
                    file.ReadBytes(name, 0, read);
                    Assert.That((file[name].DType, read), Is.EqualTo((dtype, bytes)));
                    Assert.That(file[name].Shape, Is.EqualTo(shape));
                }
            },
            iter: 200,
            threads: 1);
    }

    [Test]
    public void Each_element_type_converts()
    {
        using var folder = new TemporaryFolder();
        var path = folder["t.safetensors"];
        SafetensorsWriter.Write(path, [
            SafetensorsTensor.F64("d", new[] { 0.1, -2.5 }, 2),
            SafetensorsTensor.F32("f", new[] { 0.1f, -2.5f }, 2, 1),
            SafetensorsTensor.I32("i", new[] { -7, int.MaxValue }, 2),
            SafetensorsTensor.U8("u", new byte[] { 3, 255 }, 2),
        ]);
        using var file = SafetensorsFile.Open(path);
        Assert.That(file.ReadDoubles("d"), Is.EqualTo((double[])[0.1, -2.5]));
        Assert.That(file.ReadFloats("d"), Is.EqualTo((float[])[0.1f, -2.5f]));
        Assert.That(file.ReadFloats("f"), Is.EqualTo((float[])[0.1f, -2.5f]));
        Assert.That(file.ReadDoubles("f"), Is.EqualTo((double[])[0.1f, -2.5]));
        Assert.That(file.ReadInt32("i"), Is.EqualTo((int[])[-7, int.MaxValue]));
        Assert.That(file.ReadInt32("u"), Is.EqualTo((int[])[3, 255]));
        Assert.That(Assert.Throws<LdaeException>(() => file.ReadInt32("f"))!.Message, Does.Contain("'f'").And.Contain("F32"));
        Assert.That(Assert.Throws<LdaeException>(() => _ = file["g"])!.Message, Does.Contain("'g'"));
        Assert.That(Assert.Throws<LdaeException>(() => file.ReadFloats("f", new float[3]))!.Message, Does.Contain("2 elements").And.Contain('3'));
    }

    [Test]
    public void Half_bfloat_and_long_are_read()
    {
        using var folder = new TemporaryFolder();
        var data = new byte[4 + 4 + 16];
        BinaryPrimitives.WriteHalfLittleEndian(data, (Half)1.5);
        BinaryPrimitives.WriteHalfLittleEndian(data.AsSpan(2), Half.NegativeInfinity);
        BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(4), 0x3f80);
        BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(6), 0xc040);
        BinaryPrimitives.WriteInt64LittleEndian(data.AsSpan(8), -5);
        BinaryPrimitives.WriteInt64LittleEndian(data.AsSpan(16), 1L << 33);
        var path = folder["t.safetensors"];
        WriteRaw(
            path,
            """
            {"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]},
            "l":{"dtype":"I64","shape":[2],"data_offsets":[8,24]}}
            """,
            data);
        using var file = SafetensorsFile.Open(path);
        Assert.That(file.ReadFloats("h"), Is.EqualTo((float[])[1.5f, float.NegativeInfinity]));
        Assert.That(file.ReadFloats("b"), Is.EqualTo((float[])[1f, -3f]));
        Assert.That(file.ReadDoubles("l"), Is.EqualTo((double[])[-5, 1L << 33]));
        Assert.That(Assert.Throws<LdaeException>(() => file.ReadInt32("l"))!.Message, Does.Contain("8589934592"));
    }

    [TestCase("""[]""", 0, "Array")]
    [TestCase("""{"a":3}""", 0, "'a'")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", 4, "well-formed")]
    [TestCase("""{"a":{"dtype":"F32","shape":[[[1]]],"data_offsets":[0,4]}}""", 4, "deep")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "'a' twice")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}""", 4, "'shape' twice")]
    [TestCase("""{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,4]}}""", 4, "'F8'")]
    [TestCase("""{"a":{"dtype":"1","shape":[1],"data_offsets":[0,4]}}""", 4, "'1'")]
    [TestCase("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4, "none")]
    [TestCase("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "-1")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "1.5")]
    [TestCase("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}""", 4, "64 bits")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "needs 8 bytes")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "4 to 0")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "0 to 8")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "1 data_offsets")]
    [TestCase("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", 4, "overlap")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", 4, "hole")]
    [TestCase("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", 4, "cover 3 bytes")]
    [TestCase("""{"a":{"dtype":"U8","shape":[1],"extra":1,"data_offsets":[0,1]}}""", 1, "'extra'")]
    [TestCase("""{"__metadata__":{"k":1}}""", 0, "'k'")]
    [TestCase("""{"__metadata__":{"k":"1","k":"2"}}""", 0, "'k' twice")]
    [TestCase("""{"\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1, "Unicode")]
    public void A_violation_is_named(string header, int dataBytes, string part)
    {
        using var folder = new TemporaryFolder();
        var path = folder["bad.safetensors"];
        WriteRaw(path, header, new byte[dataBytes]);
        var error = Assert.Throws<LdaeException>(() => SafetensorsFile.Open(path).Dispose())!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(error.Message, Does.Contain(part).And.Contain(path));
    }

    [Test]
    public void A_missing_file_a_folder_and_a_lying_length_are_named()
    {
        using var folder = new TemporaryFolder();
        Assert.That(Assert.Throws<LdaeException>(() => SafetensorsFile.Open(folder["no"]))!.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(Assert.Throws<LdaeException>(() => SafetensorsFile.Open(folder.Path))!.Kind, Is.EqualTo(ErrorKind.Data));
        File.WriteAllBytes(folder["short"], [1, 2]);
        Assert.That(Assert.Throws<LdaeException>(() => SafetensorsFile.Open(folder["short"]))!.Message, Does.Contain("has 2"));
        File.WriteAllBytes(folder["long"], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, (byte)'{']);
        Assert.That(Assert.Throws<LdaeException>(() => SafetensorsFile.Open(folder["long"]))!.Message, Does.Contain("18446744073709551615"));
        File.WriteAllBytes(folder["cut"], [100, 0, 0, 0, 0, 0, 0, 0, (byte)'{']);
        Assert.That(Assert.Throws<LdaeException>(() => SafetensorsFile.Open(folder["cut"]))!.Message, Does.Contain("100 bytes"));
    }

    [Test]
    public void A_producer_of_too_few_bytes_is_found_out()
    {
        using var folder = new TemporaryFolder();
        var tensor = new SafetensorsTensor("w", SafetensorsDType.F32, [2], s => s.Write(new byte[4]));
        Assert.That(() => SafetensorsWriter.Write(folder["t"], [tensor]), Throws.InvalidOperationException.With.Message.Contains("'w'"));
        Assert.That(() => SafetensorsWriter.Write(folder["t"], [tensor, tensor]), Throws.ArgumentException.With.Message.Contains("'w'"));
    }

    /// <summary>Random damage: the file opens and reads, or an LdaeException says why not; and never does it cost memory.</summary>
    [Test]
    public void Mutations_give_an_error_that_names_the_fault_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        var path = folder["t.safetensors"];
        SafetensorsWriter.Write(
            path,
            [SafetensorsTensor.F32("block.weight", new float[6], 2, 3), SafetensorsTensor.F64("mean", new double[3], 3), SafetensorsTensor.I32("step", new int[1])],
            new Dictionary<string, string> { ["format"] = "pt" });
        var valid = File.ReadAllBytes(path);
        var random = new Random(5);
        int refused = 0, accepted = 0;
        for (var i = 0; i < 2000; i++)
        {
            File.WriteAllBytes(path, Mutate(valid, random));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var file = SafetensorsFile.Open(path);
                foreach (var entry in file.Entries)
                {
                    _ = entry.DType == SafetensorsDType.I32 ? file.ReadInt32(entry.Name).Length : file.ReadFloats(entry.Name).Length;
                }

                accepted++;
            }
            catch (LdaeException e)
            {
                Assert.That(e.Message, Does.Contain(path));
                refused++;
            }

            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1_000_000), "a file of some hundred bytes costs little memory");
        }

        Assert.That(refused, Is.GreaterThan(1000));
        Assert.That(accepted, Is.GreaterThan(20));
    }

    private static byte[] Mutate(byte[] valid, Random random)
    {
        var bytes = valid.ToList();
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.Insert(at, (byte)"0123456789{}[]\",:\\u"[random.Next(19)]); break;
                case 3: bytes.RemoveAt(at); break;
                case 4: bytes[at] = (byte)('0' + random.Next(10)); break;
                default: bytes.RemoveRange(at, random.Next(Math.Min(20, bytes.Count - at))); break;
            }
        }

        return [.. bytes];
    }

    private static void WriteRaw(string path, string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        long[] length = [json.Length];
        File.WriteAllBytes(path, [.. MemoryMarshal.AsBytes(length.AsSpan()), .. json, .. data]);
    }
}

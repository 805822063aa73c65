using System.Runtime.InteropServices;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>Kernels that no primitive of IBackend asks for yet, on the emulated device: crops, covariance, noise from bytes, the optimizer's extras.</summary>
public sealed class DataKernelTests
{
    private CudaBackend _backend = null!;

    [OneTimeSetUp]
    public void Open() => _backend = new CudaBackend(
        CudaDevice.Open(DeviceKind.Emulated), new CudaOptions { ActivationType = DType.F32, Autotune = false });

    [OneTimeTearDown]
    public void Close() => _backend.Dispose();

    [SetUp]
    public void SayWhichCaseRuns() => SanitizedChild.Announce();

    [TearDown]
    public void SayWhichKernelsRan() => SanitizedChild.Announce(_backend.Kernels.Used);

    [TestCase(32, 32, 32, true, 0.2)]
    [TestCase(48, 31, 20, true, 0.05)]
    [TestCase(9, 40, 16, true, 0.9)]
    [TestCase(40, 9, 16, true, 0.9)]
    [TestCase(32, 32, 32, false, 1)]
    [TestCase(45, 33, 16, false, 1)]
    [TestCase(21, 30, 24, false, 1)]
    public void Crops_are_the_bytes_of_the_loader(int width, int height, int size, bool random, double smallest)
    {
        const int Images = 3, Batch = 6, Channels = 3;
        const ulong Seed = 41;
        const uint Step = 7;
        const long First = 2_000_000_001;
        var pixels = Bytes(Images * height * width * Channels, 1);
        int[] chosen = [2, 0, 1, 1, 2, 0];
        var augmentation = new Augmentation(size, random, smallest, Flip: true);
        CropBox[] drawn = [.. chosen.Select((image, i) => augmentation.Box(image, width, height, Seed, Step, First + i))];
        using var images = Upload(pixels, DType.U8, Images, height, width, Channels);
        using var boxes = Upload(MemoryMarshal.Cast<CropBox, int>(drawn).ToArray(), DType.I32, Batch, CropBox.Numbers);
        using var range = Upload(new[] { 0.1f, 0.2f, 0.3f, -1f, -2f, -3f }, DType.F32, 2, 3);
        using var bytes = new PersistentTensor(_backend, new Shape(Batch, size, size, Channels), DType.U8);
        using var values = new PersistentTensor(_backend, new Shape(Batch, size, size, Channels), DType.F32);
        Assert.That(_backend.CanCrop(height, width, size));
        _backend.Crop(new CropArgs(images.Tensor, boxes.Tensor, size) { Bytes = bytes.Tensor, Values = values.Tensor, Range = range.Tensor });
        var actual = Download<byte>(bytes.Tensor);
        var expected = new byte[actual.Length];
        for (var i = 0; i < Batch; i++)
        {
            var image = new RgbImage(width, height, pixels.AsSpan(chosen[i] * height * width * Channels, height * width * Channels).ToArray());
            augmentation.Apply(image, Seed, Step, First + i, expected.AsSpan(i * size * size * Channels, size * size * Channels));
        }

        Assert.That(actual, Is.EqualTo(expected));
        float[] factors = [0.1f, 0.2f, 0.3f];
        Assert.That(
            Download<float>(values.Tensor),
            Is.EqualTo(expected.Select((b, i) => (b * factors[i % Channels]) - (1 + (i % Channels)))).Within(1e-5f));
    }

    [TestCase(1, 1)]
    [TestCase(70, 12)]
    [TestCase(129, 37)]
    public void Covariance_is_that_of_the_processor(int rows, int columns)
    {
        var values = Normals(rows * columns, 5).Select(v => 3 + (2 * v)).ToArray();
        var shift = Enumerable.Range(0, columns).Select(i => 3.0 + (0.01 * i)).ToArray();
        using var x = Upload(values, DType.F32, rows, columns);
        using var center = Upload(shift, DType.F64, columns);
        using var sums = Upload(new double[columns], DType.F64, columns);
        using var products = Upload(new double[columns * columns], DType.F64, columns, columns);
        var half = rows / 2;
        if (half > 0)
        {
            _backend.AddCovariance(x.Tensor.Slice(0, half), center.Tensor, sums.Tensor, products.Tensor);
        }

        _backend.AddCovariance(x.Tensor.Slice(half, rows - half), center.Tensor, sums.Tensor, products.Tensor);
        var expected = new Covariance(columns);
        expected.Add(values, rows);
        double[] matrix = expected.Matrix(), mean = expected.Mean(), s = Download<double>(sums.Tensor), p = Download<double>(products.Tensor);
        for (var i = 0; i < columns; i++)
        {
            Assert.That(shift[i] + (s[i] / rows), Is.EqualTo(mean[i]).Within(1e-12));
            for (var j = i; j < columns; j++)
            {
                Assert.That((p[(i * columns) + j] / rows) - (s[i] / rows * (s[j] / rows)), Is.EqualTo(matrix[(i * columns) + j]).Within(1e-11), $"({i}, {j})");
            }
        }
    }

    /// <summary>Wide rows are summed on the device, narrow ones on the processor, with one result: handed over in uneven parts, in more than the device takes at once.</summary>
    [TestCase(4200, 192)]
    [TestCase(300, 48)]
    public void Rows_are_summed_where_it_is_quicker_with_one_result(int rows, int columns)
    {
        var values = Normals(rows * columns, 8).Select(v => 1 - (3 * v)).ToArray();
        using var sums = ((IBackend)_backend).SumCovariance(columns);
        sums.Add(values.AsSpan(0, 130 * columns), 130);
        sums.Add(values.AsSpan(130 * columns), rows - 130);
        var expected = new Covariance(columns);
        expected.Add(values, rows);
        var actual = sums.Result();
        Assert.That(sums, columns < 192 ? Is.InstanceOf<HostCovarianceSums>() : Is.Not.InstanceOf<HostCovarianceSums>());
        Assert.That(actual.Count, Is.EqualTo(rows));
        Assert.That(actual.Mean(), Is.EqualTo(expected.Mean()).Within(1e-12));
        Assert.That(actual.Matrix(), Is.EqualTo(expected.Matrix()).Within(1e-11));
    }

    [TestCase(2, 8, 12, 4, 5)]
    [TestCase(1, 6, 9, 3, 7)]
    public void Noise_from_bytes_is_noise_from_patches(int images, int height, int width, int patch, int components)
    {
        int tokens = height / patch * (width / patch), columns = patch * patch * 3;
        using var bytes = Upload(Bytes(images * height * width * 3, 2), DType.U8, images, height, width, 3);
        using var range = Upload(new[] { 0.01f, 0.02f, 0.03f, -1f, -0.5f, 0.5f }, DType.F32, 2, 3);
        using var mean = Upload(Normals(columns, 3), DType.F32, columns);
        using var basis = Upload(Normals(components * columns, 4), DType.F32, components, columns);
        using var deviation = Upload(Enumerable.Repeat(2f, components).ToArray(), DType.F32, components);
        using var gamma = Upload(Enumerable.Repeat(0.8f, images).ToArray(), DType.F32, images);
        using var sigma = Upload(Enumerable.Repeat(0.6f, images).ToArray(), DType.F32, images);
        var shape = new Shape(images, tokens, columns);
        using var clean = new PersistentTensor(_backend, shape, DType.F32);
        using var noisy = new PersistentTensor(_backend, shape, DType.F32);
        using var cleanToo = new PersistentTensor(_backend, shape, DType.F32);
        using var noisyToo = new PersistentTensor(_backend, shape, DType.F32);
        var args = new LatentNoiseArgs(clean.Tensor, mean.Tensor, basis.Tensor, deviation.Tensor, gamma.Tensor, sigma.Tensor) { Seed = 9, Step = 3, FirstImage = 5 };
        _backend.Patchify(bytes.Tensor, patch, range.Tensor, clean.Tensor);
        _backend.LatentNoise(args with { Noisy = noisy.Tensor });
        _backend.LatentNoiseFromImages(bytes.Tensor, patch, range.Tensor, args with { Clean = cleanToo.Tensor, Noisy = noisyToo.Tensor });
        Assert.That(Download<float>(cleanToo.Tensor), Is.EqualTo(Download<float>(clean.Tensor)));
        Assert.That(Download<float>(noisyToo.Tensor), Is.EqualTo(Download<float>(noisy.Tensor)));
        Assert.That(Download<float>(noisy.Tensor), Has.None.EqualTo(0f));
    }

    [Test]
    public void AdamW_with_average_and_copy_in_one_pass_is_the_three_passes_apart([Values] bool schedule)
    {
        const int Count = 1037;
        using var values = Upload(Normals(Count, 1), DType.F32, Count);
        using var gradients = Upload(Normals(Count, 2), DType.F32, Count);
        using var first = Upload(Normals(Count, 3), DType.F32, Count);
        using var second = Upload(Normals(Count, 4).Select(MathF.Abs).ToArray(), DType.F32, Count);
        using var average = Upload(Normals(Count, 5), DType.F32, Count);
        using var clip = Upload(new[] { 0.5f }, DType.F32, 1);
        using var copy = new PersistentTensor(_backend, new Shape(Count), DType.BF16);
        PersistentTensor[] apart = [.. new[] { values, first, second, average }.Select(t => Upload(Download<float>(t.Tensor), DType.F32, Count))];
        _backend.AdamW(new AdamWArgs(apart[0].Tensor, gradients.Tensor, apart[1].Tensor, apart[2].Tensor, clip.Tensor)
        {
            LearningRate = 0.01,
            Beta1 = 0.9,
            Beta2 = 0.99,
            Epsilon = 1e-8,
            Step = 3,
        });
        _backend.Ema(apart[0].Tensor, 0.875, apart[3].Tensor);
        float rate = 0.01f, correction1 = (float)(1 / (1 - Math.Pow(0.9, 3))), correction2 = (float)(1 / (1 - Math.Pow(0.99, 3)));
        using var scalars = Upload(new[] { rate, correction1, correction2, 0f }, DType.F32, 4);
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        Tensor?[] tensors =
            [values.Tensor, gradients.Tensor, first.Tensor, second.Tensor, null, null, average.Tensor, copy.Tensor, clip.Tensor, schedule ? scalars.Tensor : null];
        foreach (var tensor in tensors)
        {
            arguments.Add(tensor);
        }

        arguments.Add((long)Count);

        // With the schedule on the device, the values that come with the launch must not count.
        foreach (var value in (float[])[schedule ? 99 : rate, correction1, correction2, 0.9f, (float)(1 - 0.9), 0.99f, (float)(1 - 0.99), 1e-8f, 0f, 0.125f])
        {
            arguments.Add(value);
        }

        _backend.Kernels.Get("optimizer", "optimizer_adamw").Launch(_backend.Stream, Grid.Over(Count, 1024), 256, 0, ref arguments);
        PersistentTensor[] together = [values, first, second, average];
        for (var i = 0; i < apart.Length; i++)
        {
            Assert.That(Download<float>(together[i].Tensor), Is.EqualTo(Download<float>(apart[i].Tensor)), $"buffer {i}");
            apart[i].Dispose();
        }

        Assert.That(Download<ushort>(copy.Tensor), Is.EqualTo(Download<float>(values.Tensor).Select(BFloat16.Bits)));
    }

    [TestCase(1, 0)]
    [TestCase(2053, 0)]
    [TestCase(70, 1)]
    public void Fill_copy_and_cast_reach_every_element_and_no_more(int count, int offset)
    {
        using var from = Upload(Normals(count + offset + 1, 8), DType.F32, count + offset + 1);
        using var to = Upload(new float[count + offset + 1], DType.F32, count + offset + 1);
        using var narrow = Upload(new ushort[count + 1], DType.BF16, count + 1);
        Run("elementwise_fill", 0, count, (to.Tensor, offset, 4), 2.5f);
        Assert.That(Download<float>(to.Tensor).Select((v, i) => i < offset || i >= offset + count ? v == 0 : v == 2.5f), Has.All.True);
        Run("elementwise_copy", 0, 4L * count, (from.Tensor, offset, 4), (to.Tensor, offset, 4));
        var (expected, copied) = (Download<float>(from.Tensor), Download<float>(to.Tensor));
        Assert.That(copied[offset..(offset + count)], Is.EqualTo(expected[offset..(offset + count)]));
        Assert.That(copied[offset + count], Is.Zero);
        Run("elementwise_from_float", 1, count, (from.Tensor, offset, 4), (narrow.Tensor, 0, 2));
        var bits = Download<ushort>(narrow.Tensor);
        Assert.That(bits[..count], Is.EqualTo(expected[offset..(offset + count)].Select(BFloat16.Bits)));
        Assert.That(bits[count], Is.Zero);
        Run("elementwise_to_float", 1, count, (narrow.Tensor, 0, 2), (to.Tensor, offset, 4));
        Assert.That(Download<float>(to.Tensor)[offset..(offset + count)], Is.EqualTo(bits[..count].Select(b => BitConverter.UInt32BitsToSingle((uint)b << 16))));
    }

    private void Run(string entry, int bf16, long count, params object[] operands)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        foreach (var operand in operands)
        {
            if (operand is (Tensor tensor, int offset, int size))
            {
                arguments.Add((nint)(tensor.Address + ((long)offset * size)));
            }
            else
            {
                arguments.Add((float)operand);
            }
        }

        arguments.Add(count);
        _backend.Kernels.Get("elementwise", entry, ("LDAE_BF16", bf16)).Launch(_backend.Stream, Grid.Over(count, 1024), 256, 0, ref arguments);
    }

    private PersistentTensor Upload<T>(T[] values, DType type, params int[] sizes)
        where T : unmanaged
    {
        var tensor = new PersistentTensor(_backend, new Shape(sizes), type);
        _backend.Upload<T>(values, tensor.Tensor);
        return tensor;
    }

    private T[] Download<T>(Tensor tensor)
        where T : unmanaged
    {
        var values = new T[tensor.Shape.Count];
        _backend.Download(tensor, values.AsSpan());
        return values;
    }

    private static byte[] Bytes(int count, ulong seed) =>
        [.. Enumerable.Range(0, count).Select(i => (byte)Philox.Word(seed, RandomStream.Case, 0, (ulong)i))];

    private static float[] Normals(int count, ulong seed) => [.. Enumerable.Range(0, count).Select(i =>
    {
        var (x, y, _, _) = Philox.Block(seed, RandomStream.Case, 1, (ulong)i);
        return Philox.Normals<float>(x, y).First;
    })];
}

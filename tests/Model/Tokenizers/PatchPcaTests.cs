using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Checkpoints;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Numerics;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Recipes;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Tokenizers;

/// <summary>The components of patches: what they keep, how they scale, how they are stored.</summary>
public sealed class PatchPcaTests
{
    [TestCase(true)]
    [TestCase(false)]
    public void Patches_in_host_memory_are_those_of_the_op(bool symmetric)
    {
        const int patch = 4, height = 8, width = 12;
        var range = symmetric ? PixelRange.Symmetric : PixelRange.ImageNet;
        var image = Enumerable.Range(0, height * width * 3).Select(i => (byte)(i * 53 % 256)).ToArray();
        using var backend = new ReferenceBackend();
        using var arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
        using var images = new PersistentTensor(backend, new Shape(1, height, width, 3), DType.U8);
        using var factors = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        backend.Upload<byte>(image, images.Tensor);
        factors.Tensor.Write(backend, range.ToArray());
        var expected = Patchify.Apply(new Tape(backend, arena), images.Tensor, patch, factors.Tensor).ReadDoubles(backend);
        Assert.That(PatchPixels.ExtractAll(image, width, patch, range), Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void Ranges_are_what_they_are_called()
    {
        var values = new float[3];
        PatchPixels.Extract([0, 255, 51], 1, 0, 0, 1, PixelRange.Symmetric, values);
        Assert.That(values, Is.EqualTo((float[])[-1, 1, -0.6f]).Within(1e-6f));
        PatchPixels.Extract([0, 255, 51], 1, 0, 0, 1, PixelRange.ImageNet, values);
        Assert.That(values, Is.EqualTo((float[])[-0.485f / 0.229f, (1 - 0.456f) / 0.224f, (0.2f - 0.406f) / 0.225f]).Within(1e-6f));
        Assert.That(() => PatchPixels.Extract([0, 255, 51], 1, 0, 1, 1, PixelRange.Symmetric, values), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void The_components_decorrelate_the_patches()
    {
        const int rows = 3000;
        var patches = Patches(2, rows);
        var pca = PatchPca.Fit(2, [patches.AsMemory(0, 12 * 1000), patches.AsMemory(12 * 1000)]);
        Assert.That((pca.PatchSize, pca.Dimensions), Is.EqualTo((2, 12)));
        var latents = new Covariance(12);
        latents.Add([.. Project(pca, patches, [.. Enumerable.Repeat(1.0, 12)])], rows);
        var covariance = latents.Matrix();
        Assert.That(latents.Mean(), Is.All.EqualTo(0).Within(1e-6));
        for (var i = 0; i < 144; i++)
        {
            Assert.That(covariance[i], Is.EqualTo(i % 13 == 0 ? pca.Eigenvalues[i / 12] : 0).Within(1e-6));
        }

        Assert.That(pca.Eigenvalues, Is.Ordered.Descending);
        Assert.That(pca.KeptEnergy(0), Is.Zero);
        Assert.That(pca.KeptEnergy(12), Is.EqualTo(1).Within(1e-15));
        Assert.That(pca.KeptEnergy(3), Is.EqualTo(pca.Eigenvalues.Take(3).Sum() / pca.Eigenvalues.Sum()).Within(1e-15));
        Assert.That(pca.Kept(3).ToArray(), Is.EqualTo(pca.Basis.Take(36)));
    }

    [TestCase(LatentScaleKind.Global)]
    [TestCase(LatentScaleKind.Whiten)]
    [TestCase(LatentScaleKind.None)]
    public void Divided_latents_have_the_variance_asked_for(LatentScaleKind kind)
    {
        const int rows = 2000, d = 5;
        var patches = Patches(2, rows);
        var pca = PatchPca.Fit(2, [patches]);
        var std = pca.LatentScale(kind, d);
        Assert.That(std, Has.Length.EqualTo(d));
        var latents = new Covariance(d);
        latents.Add([.. Project(pca, patches, std)], rows);
        var variances = Enumerable.Range(0, d).Select(i => latents.Matrix()[i * (d + 1)]).ToArray();
        switch (kind)
        {
            case LatentScaleKind.Global:
                Assert.That(variances.Average(), Is.EqualTo(1).Within(1e-6));
                Assert.That(std.Distinct().Count(), Is.EqualTo(1));
                break;
            case LatentScaleKind.Whiten:
                Assert.That(variances, Is.All.EqualTo(1).Within(1e-6));
                break;
            default:
                Assert.That(variances, Is.EqualTo(pca.Eigenvalues.Take(d)).Within(1e-6));
                break;
        }
    }

    [Test]
    public void Components_without_variance_are_not_blown_up()
    {
        var random = new Random(1);
        var grey = Enumerable.Range(0, 500).SelectMany(_ => Enumerable.Repeat(random.NextSingle(), 12)).ToArray();
        var pca = PatchPca.Fit(2, [grey]);
        Assert.That(pca.LatentScale(LatentScaleKind.Whiten, 12), Is.All.GreaterThanOrEqualTo(0.99e-5 * Math.Sqrt(pca.Eigenvalues[0])));
        Assert.That(pca.Eigenvalues, Is.All.GreaterThanOrEqualTo(0));
        var constant = PatchPca.Fit(2, [new float[24]]);
        Assert.That(constant.LatentScale(LatentScaleKind.Whiten, 12).Concat(constant.LatentScale(LatentScaleKind.Global, 12)), Is.All.EqualTo(1));
        Assert.That(constant.KeptEnergy(1), Is.EqualTo(1));
    }

    [Test]
    public void The_default_dimension_is_the_design_s()
    {
        Assert.That(PatchPca.Fit(4, [Patches(4, 60)]).DefaultDimension(), Is.EqualTo(8));
        Assert.That(PatchPca.Fit(1, [Patches(1, 60)]).DefaultDimension(), Is.EqualTo(3));

        // 108 dimensions, patches along six axes with energies 50, 30, 10, 6, 3, 1: four keep 96 %, eight keep all.
        double[] energies = [50, 30, 10, 6, 3, 1];
        var rows = new float[12 * 108];
        for (var k = 0; k < 6; k++)
        {
            rows[(2 * k * 108) + k] = (float)Math.Sqrt(energies[k]);
            rows[(((2 * k) + 1) * 108) + k] = -(float)Math.Sqrt(energies[k]);
        }

        var pca = PatchPca.Fit(6, [rows]);
        Assert.That(pca.KeptEnergy(4), Is.EqualTo(0.96).Within(1e-7));
        Assert.That(pca.DefaultDimension(), Is.EqualTo(4));
    }

    [Test]
    public void Components_are_stored_exactly()
    {
        using var folder = new TemporaryFolder();
        var pca = PatchPca.Fit(2, [Patches(2, 100)]);
        SafetensorsWriter.Write(folder["pca.safetensors"], pca.ToTensors());
        using var file = SafetensorsFile.Open(folder["pca.safetensors"]);
        Assert.That(file["pca.basis"].Shape, Is.EqualTo((long[])[12, 12]));
        var loaded = PatchPca.Load(file);
        Assert.That(loaded.PatchSize, Is.EqualTo(2));
        Assert.That(loaded.Mean, Is.EqualTo(pca.Mean));
        Assert.That(loaded.Eigenvalues, Is.EqualTo(pca.Eigenvalues));
        Assert.That(loaded.Basis, Is.EqualTo(pca.Basis));
    }

    [TestCase(13, 12, 144, 1, "no square patch")]
    [TestCase(12, 11, 144, 1, "11")]
    [TestCase(12, 12, 143, 1, "143")]
    [TestCase(12, 12, 144, double.NaN, "pca.eigenvalues")]
    [TestCase(12, 12, 144, -1, "pca.eigenvalues")]
    public void What_does_not_fit_together_is_named(int mean, int eigenvalues, int basis, double eigenvalue, string part)
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder["pca.safetensors"], [
            SafetensorsTensor.F64("pca.mean", new double[mean], mean),
            SafetensorsTensor.F64("pca.eigenvalues", Enumerable.Repeat(eigenvalue, eigenvalues).ToArray(), eigenvalues),
            SafetensorsTensor.F64("pca.basis", new double[basis], basis),
        ]);
        using var file = SafetensorsFile.Open(folder["pca.safetensors"]);
        var error = Assert.Throws<LdaeException>(() => PatchPca.Load(file))!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(error.Message, Does.Contain(part));
    }

    [Test]
    public void No_patch_is_an_error()
    {
        Assert.That(Assert.Throws<LdaeException>(() => PatchPca.Fit(2, []))!.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(() => PatchPca.Fit(new Covariance(10)), Throws.ArgumentException);
    }

    /// <summary>Random patches with correlated pixels.</summary>
    private static float[] Patches(int side, int count)
    {
        var random = new Random(7);
        var d = side * side * 3;
        var values = new float[count * d];
        for (var p = 0; p < count; p++)
        {
            var level = random.NextSingle() - 0.3f;
            for (var i = 0; i < d; i++)
            {
                values[(p * d) + i] = level + (random.NextSingle() * (0.1f + (0.05f * i)));
            }
        }

        return values;
    }

    /// <summary>Latents of patches, as the noise op makes them.</summary>
    private static IEnumerable<float> Project(PatchPca pca, float[] patches, double[] std)
    {
        var size = pca.Dimensions;
        for (var p = 0; p < patches.Length / size; p++)
        {
            for (var k = 0; k < std.Length; k++)
            {
                var sum = 0.0;
                for (var i = 0; i < size; i++)
                {
                    sum += pca.Basis[(k * size) + i] * (patches[(p * size) + i] - pca.Mean[i]);
                }

                yield return (float)(sum / std[k]);
            }
        }
    }
}

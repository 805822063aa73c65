using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Evaluation;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Recipes;
using LDaeCore.Tests.Model.Data;
using LDaeCore.Tests.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Evaluation;

/// <summary>The controls of a probe are what they are said to be.</summary>
public sealed class EncoderComparisonTests
{
    private static readonly Recipe Recipe = Toy.Recipe();

    private CpuBackend _backend = null!;
    private LatentDenoiser _model = null!;

    [OneTimeSetUp]
    public void Start()
    {
        _backend = new CpuBackend(1);
        _model = New();
    }

    [OneTimeTearDown]
    public void Stop()
    {
        _model.Dispose();
        _backend.Dispose();
    }

    [Test]
    public void Open_gates_are_1_and_shifts_and_scales_0()
    {
        using var random = New();
        random.Network.OpenGates();
        var width = Recipe.Network.Width;
        for (var block = 0; block < Recipe.Network.Depth; block++)
        {
            double[] expected = [.. Enumerable.Range(0, 6 * width).Select(i => i / width is 2 or 5 ? 1.0 : 0.0)];
            Assert.That(random.Parameters[$"blocks.{block}.adaln.bias"].Value.ReadDoubles(_backend), Is.EqualTo(expected));
            Assert.That(random.Parameters[$"blocks.{block}.adaln.weight"].Value.ReadDoubles(_backend), Is.All.Zero);
        }
    }

    /// <summary>With closed gates an encoder is the mean patch: it cannot tell an image from one whose patches changed places.</summary>
    [Test]
    public void The_random_control_is_not_the_mean_patch()
    {
        var image = Toy.Images().Decode(3).Pixels;
        var moved = Swapped(image);
        Assert.That(Distance(_model, image, moved), Is.LessThan(1e-6), "closed gates: the mean patch");
        using var random = New();
        random.Network.OpenGates();
        Assert.That(Distance(random, image, moved), Is.GreaterThan(1e-3), "open gates: a network");
    }

    [Test]
    public void The_random_control_is_the_start_of_the_run_with_open_gates()
    {
        var comparison = Comparison(Toy.Images(), Toy.Images(20, train: false));
        using var random = New();
        random.Network.OpenGates();
        using var extractor = new FeatureExtractor(random.Encoder(Recipe.Probe), ownsEncoder: true);
        var (training, test) = comparison.RandomEncoder();
        Assert.That(training.Values, Is.EqualTo(extractor.Extract(Toy.Images(), [.. Enumerable.Range(0, 40)], 1).Values));
        Assert.That((training.Count, test.Count), Is.EqualTo((40, 20)));
    }

    [TestCase(1)]
    [TestCase(2)]
    public void A_training_set_without_a_held_out_part_is_refused(int images)
    {
        var source = Toy.Images(images);
        var comparison = Comparison(source, source);
        DataErrors.AssertThrown(() => comparison.Linear(_backend, comparison.Trained(), 0), source.Name);
    }

    [Test]
    public void Fewer_than_five_images_a_class_are_enough()
    {
        var comparison = Comparison(Toy.Images(20), Toy.Images(20, train: false));
        var found = comparison.Linear(_backend, comparison.Trained(), 0);
        Assert.That(found.HeldOutTop1, Is.InRange(0, 100));
        Assert.That(found.Choice.Epochs, Is.Positive);
    }

    [Test]
    public void An_image_that_cannot_be_read_is_counted_once()
    {
        var named = new List<string>();
        var bad = new BadSamples(5, named.Add);
        var comparison = Comparison(new FakeSource(20, 8, 3), new FakeSource(10, 8, 4), bad);
        comparison.Trained();
        comparison.RandomEncoder();
        Assert.That(comparison.Pixels().Training.Count, Is.EqualTo(19));
        Assert.That((bad.Count, named.Count), Is.EqualTo((2, 2)));
    }

    [Test]
    public void Each_part_stops_when_asked()
    {
        using var stop = new CancellationTokenSource();
        var comparison = Comparison(Toy.Images(), Toy.Images(), cancellation: stop.Token);
        var features = comparison.Trained();
        stop.Cancel();
        Assert.That(() => comparison.Trained(), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => comparison.Pixels(), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => comparison.NearestNeighbours(features), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => comparison.Linear(_backend, features, 0), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => PatchSample.Fit(Recipe, Toy.Images(), [0, 1], 1, cancellation: stop.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    private EncoderComparison Comparison(IImageSource training, IImageSource test, BadSamples? bad = null, CancellationToken cancellation = default) =>
        new(_model.Encoder(Recipe.Probe), training, test, Recipe.Data.HoldOut, Recipe.Train.Seed) { Bad = bad ?? new BadSamples(), Cancellation = cancellation };

    private LatentDenoiser New() => new(_backend, Recipe, PatchSample.Fit(Recipe, Toy.Images(), [.. Enumerable.Range(0, 40)], 1));

    private static double Distance(LatentDenoiser model, byte[] image, byte[] other)
    {
        using var extractor = new FeatureExtractor(model.Encoder(Recipe.Probe), ownsEncoder: true);
        var features = new float[2 * extractor.Channels];
        extractor.Extract([.. image, .. other], 0, features);
        return Enumerable.Range(0, extractor.Channels).Max(i => Math.Abs((double)features[i] - features[extractor.Channels + i]));
    }

    /// <summary>An image of 8 x 8 with its upper left and lower right patch exchanged.</summary>
    private static byte[] Swapped(byte[] image)
    {
        var moved = (byte[])image.Clone();
        for (var y = 0; y < 4; y++)
        {
            image.AsSpan(y * 24, 12).CopyTo(moved.AsSpan(((y + 4) * 24) + 12));
            image.AsSpan(((y + 4) * 24) + 12, 12).CopyTo(moved.AsSpan(y * 24));
        }

        return moved;
    }
}

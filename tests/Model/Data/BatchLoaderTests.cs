using System.Diagnostics;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Data;

/// <summary>The images of a step are a function of seed and step, for any number of threads and any first step.</summary>
public sealed class BatchLoaderTests
{
    private static readonly Augmentation Varied = new(8, RandomCrop: true, 0.3, Flip: true);

    [Test]
    public void Batches_do_not_depend_on_the_number_of_workers()
    {
        var one = Take(new FakeSource(23), 10, 0, 1);
        Assert.That(Take(new FakeSource(23), 10, 0, 2), Is.EqualTo(one));
        Assert.That(Take(new FakeSource(23), 10, 0, 3), Is.EqualTo(one));
    }

    [Test]
    public void A_loader_that_starts_at_a_step_gives_what_one_from_the_start_gives_there([Values(1, 3, 7)] int step) =>
        Assert.That(Take(new FakeSource(23), 10 - step, step, 2), Is.EqualTo(Take(new FakeSource(23), 10, 0, 2)[step..]));

    [Test]
    public void Every_epoch_shows_every_image_once_in_an_order_of_its_own()
    {
        using var loader = Loader(new FakeSource(20), 4, 0);
        var epochs = Enumerable.Range(0, 3).Select(_ => Enumerable.Range(0, 5).SelectMany(_ => Indices(loader)).ToArray()).ToArray();
        foreach (var epoch in epochs)
        {
            Assert.That(epoch.Order(), Is.EqualTo(Enumerable.Range(0, 20)));
        }

        Assert.That(epochs[0], Is.Not.EqualTo(epochs[1]));
    }

    [Test]
    public void Pixels_and_labels_belong_to_the_index()
    {
        using var loader = Loader(new FakeSource(300), 32, 0);
        for (var step = 0; step < 10; step++)
        {
            var batch = loader.Next();
            for (var i = 0; i < batch.Count; i++)
            {
                Assert.That(batch.Pixels[(i * 8 * 8 * 3) + 1], Is.EqualTo(batch.Indices[i] % 256));
                Assert.That(batch.Labels[i], Is.EqualTo(batch.Indices[i] % 2));
            }

            loader.Return(batch);
        }
    }

    [Test]
    public void Unreadable_images_are_replaced_named_once_and_limited()
    {
        var named = new List<string>();
        var bad = new BadSamples(2, named.Add);
        using (var loader = Loader(new FakeSource(20, 8, 3, 4), 4, 0, bad))
        {
            for (var step = 0; step < 20; step++)
            {
                Assert.That(Indices(loader), Has.None.EqualTo(3).And.None.EqualTo(4));
            }

            Assert.That(bad.Count, Is.EqualTo(2));
        }

        Assert.That(named.Order(), Is.EqualTo(new[] { "image 3 is corrupt.", "image 4 is corrupt." }));
        using var strict = Loader(new FakeSource(20, 8, 3, 4), 20, 0, new BadSamples(1));
        var error = Assert.Throws<LdaeException>(() => strict.Next())!;
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Data));
        Assert.That(error.Message, Does.Contain("--max-bad-samples 1"));
    }

    [Test]
    public void An_image_that_failed_in_one_thread_fails_in_the_next_too()
    {
        var source = new FakeSource(20, 8, 3, 4);
        var bad = new BadSamples(1);
        Assert.That(bad.Try(source, 3), Is.Null);
        for (var reader = 0; reader < 2; reader++)
        {
            Assert.That(() => bad.Try(source, 4), Throws.InstanceOf<LdaeException>().With.Message.Contains("--max-bad-samples 1"));
        }
    }

    [Test]
    public void A_source_without_a_readable_image_ends_in_an_error_and_not_in_a_loop()
    {
        using var loader = Loader(new FakeSource(3, 8, 0, 1, 2), 4, 0, new BadSamples(10));
        Assert.That(() => loader.Next(), Throws.InstanceOf<LdaeException>().With.Message.Contains("No image"));
    }

    [Test]
    public void Disposing_does_not_wait_for_unread_batches()
    {
        var loader = Loader(new FakeSource(1000) { Delay = TimeSpan.FromMilliseconds(20) }, 500, 0);
        var start = Stopwatch.GetTimestamp();
        loader.Dispose();
        Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(TimeSpan.FromSeconds(2)));
    }

    [Test]
    public void Returned_batches_are_used_again()
    {
        using var loader = Loader(new FakeSource(64, 64), 16, 0);
        var seen = new HashSet<byte[]>(ReferenceEqualityComparer.Instance);
        for (var step = 0; step < 30; step++)
        {
            var batch = loader.Next();
            seen.Add(batch.Pixels);
            loader.Return(batch);
        }

        Assert.That(seen, Has.Count.LessThanOrEqualTo(4));
    }

    [TestCase(0, 100, 110)]
    [TestCase(10, 60, 75)]
    [TestCase(20, 20, 25)]
    public void As_many_images_are_kept_as_fit_and_not_decoded_again(int fit, int least, int most)
    {
        // Five epochs of four batches.
        const int images = 20, batches = 20, side = 8;
        var source = new FakeSource(images, side);
        Assert.That(Take(source, batches, 0, 2, fit * 3 * side * side), Is.EqualTo(Take(new FakeSource(images, side), batches, 0, 2)));

        // Two batches are read ahead, and two threads may meet an image at once.
        Assert.That(source.Decoded, Is.InRange(least, most));
    }

    [Test]
    public void What_all_images_take_decoded_is_known_or_estimated_before_a_run()
    {
        int[] indices = [.. Enumerable.Range(0, 50)];
        const long all = 50 * 3 * 16 * 16;
        Assert.That(DecodedImages.Budget(new FakeSource(100, 16), indices, all), Is.EqualTo(all), "estimated");
        Assert.That(DecodedImages.Budget(new FakeSource(100, 16, 0, 6, 12), indices, all), Is.EqualTo(all), "some are unreadable");
        Assert.That(DecodedImages.Budget(new FakeSource(100, 16, indices), indices, all), Is.Zero, "all are");
        Assert.That(DecodedImages.Budget(new FakeSource(100, 16), indices, all - 1), Is.Zero, "no room");
        var known = new FakeSource(100, 16) { UniformSize = (16, 16) };
        Assert.That(DecodedImages.Budget(known, indices, all), Is.EqualTo(all), "known");
        Assert.That(known.Decoded, Is.Zero);
        Assert.That(DecodedImages.Budget(new FakeSource(100, 16) { UniformSize = (16, 16), ResidentBytes = 2 * all }, indices, all), Is.Zero, "in memory anyway");
        var large = new FakeSource(100_000_000, 16);
        Assert.That(DecodedImages.Budget(large, [.. Enumerable.Range(0, 2_000_000)], long.MaxValue), Is.Zero, "more than a gibibyte");
        Assert.That(large.Decoded, Is.LessThan(10));
    }

    [Test]
    public void Center_batches_keep_the_order_and_close_ranks_over_unreadable_images()
    {
        int[] indices = [5, 4, 3, 2, 1, 0, 6];
        var read = CenterBatches.Read(new FakeSource(7, 8, 4), indices, 8, 3, 2, new BadSamples(1)).SelectMany(b => b.Indices[..b.Count]).ToArray();
        Assert.That(read, Is.EqualTo(new[] { 5, 3, 2, 1, 0, 6 }));
    }

    [Test]
    public void The_held_out_part_has_the_same_share_of_every_class_and_is_the_seeds()
    {
        var labels = Enumerable.Range(0, 1000).Select(i => i % 7 == 0 ? 1 : 0).ToArray();
        var (train, held) = HoldOut.Split(labels, 0.1, 3);
        Assert.That(train.Concat(held).Order(), Is.EqualTo(Enumerable.Range(0, 1000)));
        Assert.That(held.Count(i => labels[i] == 1), Is.EqualTo(14));
        Assert.That(held.Count(i => labels[i] == 0), Is.EqualTo(86));
        Assert.That(HoldOut.Split(labels, 0.1, 3).HeldOut, Is.EqualTo(held));
        Assert.That(HoldOut.Split(labels, 0.1, 4).HeldOut, Is.Not.EqualTo(held));
    }

    [Test]
    public void Half_of_the_images_are_mirrored_and_crops_stay_inside()
    {
        var pixels = new byte[16 * 16 * 3];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)(i / 3 % 16 * 16);
        }

        var image = new RgbImage(16, 16, pixels);
        var flip = new Augmentation(16, RandomCrop: false, 1, Flip: true);
        var to = new byte[16 * 16 * 3];
        var mirrored = 0;
        for (var place = 0; place < 400; place++)
        {
            flip.Apply(image, 1, 0, place, to);
            mirrored += to[0] > to[15 * 3] ? 1 : 0;
            new Augmentation(8, RandomCrop: true, 0.2, Flip: false).Apply(image, 1, 0, place, to.AsSpan(0, 8 * 8 * 3));
        }

        Assert.That(mirrored, Is.InRange(160, 240));
    }

    private static BatchLoader Loader(FakeSource source, int batch, long firstStep, BadSamples? bad = null, int workers = 2, long cacheBytes = 0) =>
        new(source, [.. Enumerable.Range(0, source.Count)], Varied, batch, 9, firstStep, workers, bad, cacheBytes);

    private static int[] Indices(BatchLoader loader)
    {
        var batch = loader.Next();
        int[] indices = [.. batch.Indices];
        loader.Return(batch);
        return indices;
    }

    private static List<(string Pixels, string Labels)> Take(FakeSource source, int count, long firstStep, int workers, long cacheBytes = 0)
    {
        using var loader = Loader(source, 5, firstStep, workers: workers, cacheBytes: cacheBytes);
        var taken = new List<(string, string)>();
        for (var i = 0; i < count; i++)
        {
            var batch = loader.Next();
            taken.Add((Convert.ToHexString(batch.Pixels), string.Join(',', batch.Labels)));
            loader.Return(batch);
        }

        return taken;
    }
}

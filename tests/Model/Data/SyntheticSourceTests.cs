using LDaeCore.Engine.Errors;
using LDaeCore.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Data;

public sealed class SyntheticSourceTests
{
    private const int Side = 32;

    [Test]
    public void The_same_seed_and_index_give_the_same_image_whatever_was_drawn_before()
    {
        var first = new SyntheticSource(50, Side, 3, train: true);
        var second = new SyntheticSource(20, Side, 3, train: true);
        _ = first.Decode(40);
        Assert.That(first.Decode(7).Pixels, Is.EqualTo(second.Decode(7).Pixels));
    }

    [Test]
    public void Seed_split_and_index_each_change_the_image()
    {
        var pixels = new SyntheticSource(50, Side, 3, train: true).Decode(7).Pixels;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(new SyntheticSource(50, Side, 4, train: true).Decode(7).Pixels, Is.Not.EqualTo(pixels));
            Assert.That(new SyntheticSource(50, Side, 3, train: false).Decode(7).Pixels, Is.Not.EqualTo(pixels));
            Assert.That(new SyntheticSource(50, Side, 3, train: true).Decode(17).Pixels, Is.Not.EqualTo(pixels));
        }
    }

    [Test]
    public void Ten_named_classes_with_balanced_labels()
    {
        var source = new SyntheticSource(1005, Side, 0, train: true);
        var counts = new int[source.ClassNames.Count];
        for (var i = 0; i < source.Count; i++)
        {
            counts[source.Label(i)]++;
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(source.ClassNames, Has.Count.EqualTo(10).And.Unique);
            Assert.That(counts.Max() - counts.Min(), Is.LessThanOrEqualTo(1));
        }
    }

    [TestCase(8)]
    [TestCase(33)]
    [TestCase(96)]
    public void Every_image_shows_a_shape_against_its_background(int side)
    {
        var source = new SyntheticSource(100, side, 1, train: true);
        for (var i = 0; i < source.Count; i++)
        {
            var image = source.Decode(i);
            Assert.That((image.Width, image.Height, image.Pixels.Length), Is.EqualTo((side, side, side * side * 3)));
            var luma = new double[side * side];
            for (var p = 0; p < luma.Length; p++)
            {
                luma[p] = (0.299 * image.Pixels[3 * p]) + (0.587 * image.Pixels[(3 * p) + 1]) + (0.114 * image.Pixels[(3 * p) + 2]);
            }

            Assert.That(luma.Max() - luma.Min(), Is.GreaterThan(50), source.Describe(i));
        }
    }

    [Test]
    public void Shapes_fit_the_unit_circle_and_are_at_least_1_4_radii_across_in_every_direction()
    {
        for (var label = 0; label < 10; label++)
        {
            double most = 0;
            var widths = new double[36];
            for (var y = -1.5f; y <= 1.5f; y += 0.01f)
            {
                for (var x = -1.5f; x <= 1.5f; x += 0.01f)
                {
                    if (SyntheticShapes.Distance(label, x, y) >= 0)
                    {
                        continue;
                    }

                    most = Math.Max(most, Math.Sqrt((x * x) + (y * y)));
                    for (var k = 0; k < widths.Length; k++)
                    {
                        var (sin, cos) = Math.SinCos(k * 2 * Math.PI / widths.Length);
                        widths[k] = Math.Max(widths[k], (cos * x) + (sin * y));
                    }
                }
            }

            var narrowest = Enumerable.Range(0, 18).Min(k => widths[k] + widths[k + 18]);
            using (Assert.EnterMultipleScope())
            {
                Assert.That(most, Is.LessThan(1.01), SyntheticShapes.Names[label]);
                Assert.That(narrowest, Is.GreaterThan(1.385), SyntheticShapes.Names[label]);
            }
        }
    }

    [Test]
    public void Mean_colour_does_not_tell_the_class()
    {
        var (train, trainLabels) = Features(2000, true, MeanColour);
        var (test, testLabels) = Features(500, false, MeanColour);
        Assert.That(NearestClassMean(train, trainLabels, test, testLabels), Is.LessThan(0.2));
    }

    [Test]
    public void Raw_pixels_do_not_tell_the_class_to_the_nearest_mean_or_a_linear_classifier()
    {
        var (train, trainLabels) = Features(2000, true, Centred);
        var (test, testLabels) = Features(500, false, Centred);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(NearestClassMean(train, trainLabels, test, testLabels), Is.LessThan(0.5));
            Assert.That(LogisticRegression(train, trainLabels, test, testLabels), Is.LessThan(0.5));
        }
    }

    [Test]
    public void The_classifiers_of_these_tests_find_a_leak_where_there_is_one()
    {
        var (train, trainLabels) = Features(500, true, MeanColour);
        var (test, testLabels) = Features(200, false, MeanColour);
        float[] Leak(float[] x, int label) => [.. x, .. Enumerable.Range(0, 10).Select(i => i == label ? 40f : 0)];
        train = [.. train.Select((x, i) => Leak(x, trainLabels[i]))];
        test = [.. test.Select((x, i) => Leak(x, testLabels[i]))];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(NearestClassMean(train, trainLabels, test, testLabels), Is.GreaterThan(0.9));
            Assert.That(LogisticRegression(train, trainLabels, test, testLabels), Is.GreaterThan(0.9));
        }
    }

    [Test]
    public void Outlines_without_the_nuisances_do_tell_the_class()
    {
        // The share of each ring of the unit circle that a shape covers, which no rotation changes, is unlike for all ten.
        var profiles = Enumerable.Range(0, 10).Select(RadialProfile).ToArray();
        for (var a = 0; a < 10; a++)
        {
            for (var b = 0; b < a; b++)
            {
                var distance = profiles[a].Zip(profiles[b], (p, q) => Math.Abs(p - q)).Max();
                Assert.That(distance, Is.GreaterThan(0.1), $"{SyntheticShapes.Names[a]} and {SyntheticShapes.Names[b]}");
            }
        }
    }

    [TestCase(0, 32)]
    [TestCase(10, 7)]
    public void Too_few_images_or_pixels_are_refused(int count, int size)
    {
        var error = Assert.Throws<LdaeException>(() => _ = new SyntheticSource(count, size, 0, train: true));
        Assert.That(error!.Kind, Is.EqualTo(ErrorKind.Configuration));
    }

    [Test]
    public void An_index_outside_is_refused()
    {
        var source = new SyntheticSource(3, Side, 0, train: true);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => source.Decode(3), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => source.Label(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        }
    }

    private static double[] RadialProfile(int label)
    {
        var profile = new double[9];
        for (var ring = 0; ring < profile.Length; ring++)
        {
            for (var k = 0; k < 360; k++)
            {
                var (sin, cos) = MathF.SinCos(k * MathF.PI / 180);
                var radius = 0.1f * (ring + 1);
                profile[ring] += SyntheticShapes.Distance(label, radius * cos, radius * sin) < 0 ? 1 / 360.0 : 0;
            }
        }

        return profile;
    }

    private static (float[][] Features, int[] Labels) Features(int count, bool train, Func<byte[], float[]> feature)
    {
        var source = new SyntheticSource(count, Side, 5, train);
        var features = new float[count][];
        var labels = new int[count];
        for (var i = 0; i < count; i++)
        {
            (features[i], labels[i]) = (feature(source.Decode(i).Pixels), source.Label(i));
        }

        return (features, labels);
    }

    private static float[] MeanColour(byte[] pixels)
    {
        var mean = new float[3];
        for (var i = 0; i < pixels.Length; i++)
        {
            mean[i % 3] += pixels[i] / (255f * Side * Side);
        }

        return mean;
    }

    private static float[] Centred(byte[] pixels) => Array.ConvertAll(pixels, p => (p / 127.5f) - 1);

    private static double NearestClassMean(float[][] train, int[] trainLabels, float[][] test, int[] testLabels)
    {
        var means = new float[10][];
        for (var label = 0; label < 10; label++)
        {
            var members = train.Where((_, i) => trainLabels[i] == label).ToArray();
            means[label] = new float[train[0].Length];
            for (var d = 0; d < means[label].Length; d++)
            {
                means[label][d] = members.Average(m => m[d]);
            }
        }

        return Accuracy(test, testLabels, (x, label) => -x.Zip(means[label], (a, b) => (a - b) * (a - b)).Sum());
    }

    /// <summary>Multinomial logistic regression by plain stochastic gradient steps.</summary>
    private static double LogisticRegression(float[][] train, int[] trainLabels, float[][] test, int[] testLabels)
    {
        var weights = Enumerable.Range(0, 10).Select(_ => new float[train[0].Length]).ToArray();
        for (var step = 0; step < 6 * train.Length; step++)
        {
            var x = train[step % train.Length];
            var scores = weights.Select(w => Dot(w, x)).ToArray();
            var largest = scores.Max();
            var sum = scores.Sum(s => MathF.Exp(s - largest));
            for (var label = 0; label < 10; label++)
            {
                var target = label == trainLabels[step % train.Length] ? 1 : 0;
                var rate = 0.001f * (target - (MathF.Exp(scores[label] - largest) / sum));
                for (var d = 0; d < x.Length; d++)
                {
                    weights[label][d] += rate * x[d];
                }
            }
        }

        return Accuracy(test, testLabels, (x, label) => Dot(weights[label], x));
    }

    private static float Dot(float[] a, float[] b)
    {
        var sum = 0f;
        for (var d = 0; d < a.Length; d++)
        {
            sum += a[d] * b[d];
        }

        return sum;
    }

    private static double Accuracy(float[][] test, int[] labels, Func<float[], int, float> score)
    {
        var hits = 0;
        for (var i = 0; i < test.Length; i++)
        {
            hits += Enumerable.Range(0, 10).MaxBy(label => score(test[i], label)) == labels[i] ? 1 : 0;
        }

        return (double)hits / test.Length;
    }
}

using LDaeCore.Model.Evaluation;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Evaluation;

/// <summary>Against a plain sort in float64; ties, edges, threads.</summary>
public sealed class KNearestNeighboursTests
{
    /// <summary>Fixed seeds: a near-tie in float64 may be a tie in float32, so that not every random case must agree.</summary>
    [Test]
    public void It_agrees_with_a_plain_sort()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            int train = random.Next(1, 61), test = random.Next(1, 14), channels = random.Next(1, 20), classes = random.Next(1, 10), k = random.Next(1, 26);
            float[] x = Features(random, train, channels), y = Features(random, test, channels);
            int[] labels = [.. Enumerable.Range(0, train).Select(_ => random.Next(classes))], truth = [.. Enumerable.Range(0, test).Select(_ => random.Next(classes))];
            var actual = new KNearestNeighbours(x, labels, channels, classes) { Neighbours = k }.Evaluate(y, truth);
            Assert.That(actual, Is.EqualTo(Plain(x, labels, y, truth, channels, classes, k, 0.07)), $"seed {seed}");
        }
    }

    [Test]
    public void The_number_of_threads_does_not_matter()
    {
        var random = new Random(2);
        float[] x = Features(random, 500, 33), y = Features(random, 201, 33);
        int[] labels = [.. Enumerable.Range(0, 500).Select(_ => random.Next(10))], truth = [.. Enumerable.Range(0, 201).Select(_ => random.Next(10))];
        var one = new KNearestNeighbours(x, labels, 33, 10) { Threads = 1 }.Evaluate(y, truth);
        Assert.That(new KNearestNeighbours(x, labels, 33, 10) { Threads = 4 }.Evaluate(y, truth), Is.EqualTo(one));
        Assert.That(one.Top1, Is.InRange(2, 25), "labels are random");
        Assert.That(one.Top5, Is.InRange(30, 75), "labels are random");
    }

    [Test]
    public void Ties_go_to_the_earlier_sample_and_the_lower_class()
    {
        float[] same = [1, 2, 1, 2, 1, 2];
        Assert.That(new KNearestNeighbours(same, [2, 0, 1], 2, 3) { Neighbours = 1 }.Evaluate([1, 2], [2]).Top1, Is.EqualTo(100));
        Assert.That(new KNearestNeighbours(same, [2, 0, 1], 2, 3) { Neighbours = 3 }.Evaluate([1, 2], [0]).Top1, Is.EqualTo(100));
    }

    [Test]
    public void Only_the_direction_of_a_feature_counts_and_the_nearer_weighs_more()
    {
        float[] train = [0.001f, 0, 0.6f, 0.8f, 0.6f, 0.8f];
        var classifier = new KNearestNeighbours(train, [0, 1, 1], 2, 2);
        Assert.That(classifier.Evaluate([1000, 0, -3, 0], [0, 1]), Is.EqualTo(new ClassificationAccuracy(100, 100)));
        var lukewarm = new KNearestNeighbours(train, [0, 1, 1], 2, 2) { Temperature = 10 };
        Assert.That(lukewarm.Evaluate([1000, 0], [0]), Is.EqualTo(new ClassificationAccuracy(0, 100)), "two votes beat one where similarity hardly counts");
    }

    [Test]
    public void A_class_without_a_vote_is_not_among_the_first_five() =>
        Assert.That(new KNearestNeighbours([1f, 1f], [3, 3], 1, 10).Evaluate([1f], [0]), Is.EqualTo(new ClassificationAccuracy(0, 0)));

    [Test]
    public void What_does_not_fit_is_refused()
    {
        Assert.That(() => new KNearestNeighbours([], [], 1, 1), Throws.ArgumentException);
        Assert.That(() => new KNearestNeighbours([1, 2, 3], [0], 2, 1), Throws.ArgumentException);
        Assert.That(() => new KNearestNeighbours([1], [1], 1, 1), Throws.ArgumentException.With.Message.Contains("Label 1"));
    }

    private static float[] Features(Random random, int rows, int channels) =>
        [.. Enumerable.Range(0, rows * channels).Select(_ => random.NextSingle() - 0.5f)];

    /// <summary>The definition, in float64. Channels of random features leave no ties but in one dimension, where all are ties.</summary>
    private static ClassificationAccuracy Plain(float[] x, int[] labels, float[] y, int[] truth, int channels, int classes, int k, double temperature)
    {
        double Similarity(int test, int train)
        {
            double dot = 0, a = 0, b = 0;
            for (var i = 0; i < channels; i++)
            {
                double u = y[(test * channels) + i], v = x[(train * channels) + i];
                (dot, a, b) = (dot + (u * v), a + (u * u), b + (v * v));
            }

            return channels == 1 ? Math.Sign(dot) : dot / Math.Sqrt(a * b);
        }

        var ranks = Enumerable.Range(0, truth.Length).Select(t =>
        {
            var near = Enumerable.Range(0, labels.Length).OrderByDescending(n => Similarity(t, n)).Take(k);
            var votes = new double[classes];
            foreach (var n in near)
            {
                votes[labels[n]] += Math.Exp(Similarity(t, n) / temperature);
            }

            var order = Enumerable.Range(0, classes).Where(c => votes[c] > 0).OrderByDescending(c => votes[c]).ToList();
            return order.IndexOf(truth[t]) is >= 0 and var rank ? rank : int.MaxValue;
        }).ToArray();
        return new ClassificationAccuracy(100.0 * ranks.Count(r => r < 1) / truth.Length, 100.0 * ranks.Count(r => r < 5) / truth.Length);
    }
}

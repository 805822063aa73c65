using LDaeCore.Model.Evaluation;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Evaluation;

/// <summary>Confusions counted by hand, and neighbours found by hand.</summary>
internal sealed class ConfusionMatrixTests
{
    [Test]
    public void Rows_are_what_it_is_and_columns_what_it_was_taken_for()
    {
        var matrix = new ConfusionMatrix([0, 0, 0, 1, 2, 2], [0, 2, 2, 1, 1, 2], 3);
        Assert.That(Enumerable.Range(0, 9).Select(i => matrix[i / 3, i % 3]), Is.EqualTo(new[] { 1, 0, 2, 0, 1, 0, 0, 1, 1 }));
        Assert.That(Enumerable.Range(0, 3).Select(matrix.Images), Is.EqualTo(new[] { 3, 1, 2 }));
        Assert.That(matrix.Mistakes(5), Is.EqualTo(new[] { (0, 2, 2), (2, 1, 1) }));
        Assert.That(matrix.Mistakes(1), Is.EqualTo(new[] { (0, 2, 2) }));
    }

    [Test]
    public void Lengths_that_differ_and_numbers_that_are_no_class_are_refused()
    {
        Assert.That(() => new ConfusionMatrix([0, 1], [0], 2), Throws.ArgumentException);
        Assert.That(() => new ConfusionMatrix([2], [0], 2), Throws.ArgumentException);
        Assert.That(() => new ConfusionMatrix([0], [-1], 2), Throws.ArgumentException);
    }

    [Test]
    public void The_nearest_rows_come_first_whatever_their_length()
    {
        float[] training = [1, 0, 0, 5, -3, 0, 2, 2, 1, 0.1f];
        var found = new KNearestNeighbours(training, [0, 0, 0, 0, 0], 2, 1) { Neighbours = 3 }.Find([4, 0, 0, 1, -1, 0, 1, 1, 0, -1]);
        Assert.That(found.Select(row => row[0].Index), Is.EqualTo(new[] { 0, 1, 2, 3, 0 }), "at right angles the earlier row is first");
        Assert.That(found[0].Select(near => near.Index), Is.EqualTo(new[] { 0, 4, 3 }));
        Assert.That(found[0].Select(near => near.Similarity), Is.EqualTo(new[] { 1, 0.99504f, 0.70711f }).Within(1e-4));
        Assert.That(new KNearestNeighbours(training, [0, 0, 0, 0, 0], 2, 1) { Neighbours = 9 }.Find([4, 0])[0], Has.Length.EqualTo(5), "no more than there are");
    }
}

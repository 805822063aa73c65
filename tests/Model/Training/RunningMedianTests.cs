using LDaeCore.Model.Training;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Training;

public sealed class RunningMedianTests
{
    [Test]
    public void It_is_the_median_of_all_but_the_first_numbers()
    {
        var random = new Random(5);
        var median = new RunningMedian(skip: 2);
        List<double> numbers = [];
        Assert.That(median.Value, Is.Zero);
        for (var count = 1; count <= 500; count++)
        {
            var number = Math.Round(10 * random.NextDouble(), 1);
            numbers.Add(number);
            median.Add(number);
            var sorted = numbers.Skip(2).Order().ToArray();
            Assert.That(median.Value, Is.EqualTo(sorted.Length > 0 ? sorted[sorted.Length / 2] : number));
            Assert.That(median.Count, Is.EqualTo(count));
        }
    }

    [Test]
    public void Of_very_many_numbers_it_is_close_to_the_median()
    {
        var random = new Random(6);
        var median = new RunningMedian(skip: 2);
        for (var count = 0; count < 1_000_000; count++)
        {
            median.Add(random.NextDouble());
        }

        Assert.That(median.Value, Is.EqualTo(0.5).Within(0.01));
        Assert.That(median.Kept, Is.LessThan(300_000));
    }
}

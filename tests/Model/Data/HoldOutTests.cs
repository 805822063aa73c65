using LDaeCore.Model.Data;
using NUnit.Framework;

namespace LDaeCore.Tests.Model.Data;

/// <summary>Small classes are split as well.</summary>
public sealed class HoldOutTests
{
    [TestCase(1, 0.1, 0)]
    [TestCase(1, 0.99, 0)]
    [TestCase(2, 0.1, 1)]
    [TestCase(4, 0.1, 1)]
    [TestCase(4, 0.99, 3)]
    [TestCase(50, 0.1, 5)]
    [TestCase(50, 0, 0)]
    public void A_class_of_two_or_more_has_an_image_in_either_part(int images, double fraction, int held)
    {
        var (train, heldOut) = HoldOut.Split([.. Enumerable.Repeat(3, images)], fraction, 0);
        Assert.That((train.Length, heldOut.Length), Is.EqualTo((images - held, held)));
    }
}

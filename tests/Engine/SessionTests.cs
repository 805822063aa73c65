using LDaeCore.Engine;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine;

/// <summary>The engine as a library: steps of any size, without sizes of memory.</summary>
public sealed class SessionTests
{
    [Test]
    public void A_loss_has_its_gradient()
    {
        using var session = new Session(new ReferenceBackend());
        var weight = session.Parameter("weight", new Shape(1, 2));
        var x = session.Tensor(new Shape(2, 2), 1, 2, 3, 4);
        var target = session.Tensor(new Shape(2, 1), 0, 0);
        var w = session.Parameters["weight"].Value.ReadDoubles(session.Backend);
        var loss = session.Differentiate(tape => SquaredError.Apply(tape, Linear.Apply(tape, x, weight.Value, null), target));
        double a = w[0] + (2 * w[1]), b = (3 * w[0]) + (4 * w[1]);
        Assert.That(loss, Is.EqualTo(((a * a) + (b * b)) / 2).Within(1e-12));
        Assert.That(weight.Gradient.ReadDoubles(session.Backend), Is.EqualTo(new[] { a + (3 * b), (2 * a) + (4 * b) }).Within(1e-12));
    }

    [Test]
    public void Steps_of_other_sizes_find_their_memory()
    {
        using var session = new Session(new CpuBackend(1));
        var weight = session.Parameter("weight", new Shape(8, 8));
        foreach (var rows in (int[])[2, 64, 1, 300])
        {
            var x = session.Tensor(new Shape(rows, 8), [.. Enumerable.Repeat(1f, rows * 8)]);
            var y = session.Evaluate(tape => Silu.Apply(tape, Linear.Apply(tape, x, weight.Value, null)));
            Assert.That(y, Has.Length.EqualTo(rows * 8));
            Assert.That(y[..8], Is.EqualTo(y[^8..]));
            session.Differentiate(tape => SquaredError.Apply(tape, Linear.Apply(tape, x, weight.Value, null), x));
            Assert.That(weight.Gradient.ReadFloats(session.Backend), Has.Some.Not.Zero);
        }
    }

    [Test]
    public void A_parameter_that_no_loss_reads_has_no_gradient_left_from_before()
    {
        using var session = new Session(new CpuBackend(1));
        var (first, second) = (session.Parameter("first", new Shape(2, 2)), session.Parameter("second", new Shape(2, 2)));
        var x = session.Tensor(new Shape(1, 2), 1, 3);
        foreach (var (read, other) in new[] { (first, second), (second, first) })
        {
            session.Differentiate(tape => SquaredError.Apply(tape, Linear.Apply(tape, x, read.Value, null), x));
            Assert.That(other.Gradient.ReadFloats(session.Backend), Is.All.Zero);
        }
    }

    [Test]
    public void Labels_are_whole_numbers()
    {
        using var session = new Session(new CpuBackend(1));
        var weight = session.Parameter("weight", new Shape(3, 2));
        var (x, labels) = (session.Tensor(new Shape(2, 2), 1, 0, 0, 1), session.Labels(2, 0));
        var loss = session.Differentiate(tape => SoftmaxCrossEntropy.Apply(tape, Linear.Apply(tape, x, weight.Value, null), labels));
        Assert.That(loss, Is.GreaterThan(0).And.LessThan(3));
    }
}

using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Ops;

/// <summary>What a row index refuses, and that it can be set anew without a tensor changing its place.</summary>
public sealed class RowIndexTests
{
    [TestCase(new[] { 0, 4 }, "Entry 1", "4 rows")]
    [TestCase(new[] { 2, -1, 2 }, "Entries 0 and 2", "row 2")]
    public void A_row_that_is_not_there_or_taken_twice_is_named(int[] rows, string entries, string what)
    {
        using var backend = new ReferenceBackend();
        Assert.That(() => new RowIndex(backend, 4, rows), Throws.ArgumentException.With.Message.Contains(entries).And.Message.Contains(what));
    }

    [Test]
    public void Sizes_of_source_and_fill_are_checked_by_name()
    {
        using var backend = new ReferenceBackend();
        using var index = new RowIndex(backend, 4, [1, -2, -1]);
        using var arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
        var tape = new Tape(backend, arena);
        Tensor x = tape.New(new Shape(4, 3)), fill = tape.New(new Shape(3));
        Assert.That(() => GatherRows.Apply(tape, tape.New(new Shape(5, 3)), index), Throws.ArgumentException.With.Property("ParamName").EqualTo("x"));
        Assert.That(() => GatherRows.Apply(tape, x, index, fill), Throws.ArgumentException.With.Property("ParamName").EqualTo("fill").And.Message.Contains("2 rows"));
        Assert.That(() => GatherRows.Apply(tape, x, index, tape.New(new Shape(2, 4))), Throws.ArgumentException.With.Property("ParamName").EqualTo("fill"));
    }

    [Test]
    public void Other_rows_are_taken_in_the_same_memory()
    {
        using var backend = new ReferenceBackend();
        using var index = new RowIndex(backend, 3, [2, -1, 0, -1]);
        var (rows, inverse) = (index.Index.Address, index.Inverse.Address);
        Assert.That(Read(index.Inverse), Is.EqualTo(new[] { 2, -1, 0 }));
        Assert.That(Read(index.FilledBy(0)!), Is.EqualTo(new[] { 1, 3 }));
        index.Set([-1, -1, 1, 2]);
        Assert.That(Read(index.Index), Is.EqualTo(new[] { -1, -1, 1, 2 }));
        Assert.That(Read(index.Inverse), Is.EqualTo(new[] { -1, 2, 3 }));
        Assert.That(Read(index.FilledBy(0)!), Is.EqualTo(new[] { 0, 1 }));
        Assert.That((index.Index.Address, index.Inverse.Address), Is.EqualTo((rows, inverse)));
        Assert.That(index.FilledBy(1), Is.Null);

        int[] Read(Tensor tensor)
        {
            var values = new int[tensor.Shape.Count];
            backend.Download(tensor, values.AsSpan());
            return values;
        }
    }

    [TestCase(new[] { 0, -1, 1 }, TestName = "Fewer_entries_are_refused")]
    [TestCase(new[] { 0, 1, 2, -1 }, TestName = "Fewer_entries_of_fill_are_refused")]
    [TestCase(new[] { 0, -2, 2, -1 }, TestName = "Another_row_of_fill_is_refused")]
    public void Entries_of_other_numbers_are_refused(int[] rows)
    {
        using var backend = new ReferenceBackend();
        using var index = new RowIndex(backend, 3, [2, -1, 0, -1]);
        Assert.That(() => index.Set(rows), Throws.ArgumentException.With.Message.Contains("4 entries"));
    }
}

using System.Reflection;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Backends.Reference;
using LDaeCore.Engine.Ops;
using NUnit.Framework;

namespace LDaeCore.Tests.Engine.Ops;

/// <summary>No op and no primitive without a case.</summary>
public sealed class CoverageTests
{
    [Test]
    public void Every_op_declares_cases_and_the_catalog_has_them_all()
    {
        var ops = typeof(OpCatalog).Assembly.GetExportedTypes()
            .Where(t => t.Namespace == typeof(OpCatalog).Namespace && t is { IsAbstract: true, IsSealed: true } && t != typeof(OpCatalog));
        var known = OpCatalog.All.Select(c => c.ToString()).ToHashSet();
        foreach (var op in ops)
        {
            var cases = op.GetProperty("Cases", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) as IEnumerable<OpCase>;
            Assert.That(cases, Is.Not.Null.And.Not.Empty, $"{op.Name} has no cases");
            Assert.That(cases!.Select(c => c.ToString()), Is.SubsetOf(known), $"{op.Name} is not in the catalog");
        }
    }

    [Test]
    public void Case_names_are_unique() =>
        Assert.That(OpCatalog.All.Select(c => c.ToString()), Is.Unique);

    [Test]
    public void The_cases_reach_every_primitive_there_is()
    {
        // Ops copy nothing.
        var primitives = typeof(IKernels).GetMethods().Select(m => m.Name).Where(name => name != nameof(IKernels.Copy)).ToHashSet();
        using var reference = new ReferenceBackend();
        using var backend = new ProfilingBackend(reference);
        foreach (var opCase in OpCatalog.All.Where(c => !c.TimingOnly))
        {
            using var run = new CaseRun(opCase, backend, CaseRun.Draw(opCase, 1));
            if (opCase.Differentiable)
            {
                run.Gradients();
            }
        }

        Assert.That(primitives.Except(backend.Times.Select(t => t.Primitive)), Is.Empty);
    }
}

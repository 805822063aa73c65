using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Tests.Model.Training;

/// <summary>A backend that counts native allocations and can be told to err.</summary>
internal class CountingBackend(IBackend inner) : ObservedBackend(inner)
{
    public int Allocations { get; private set; }

    public override Storage Allocate(long bytes)
    {
        Allocations++;
        return base.Allocate(bytes);
    }

    protected override void After(string primitive, long start, params ReadOnlySpan<Tensor?> results)
    {
    }
}

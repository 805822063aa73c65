using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Cpu;
using LDaeCore.Engine.Backends.Reference;

namespace LDaeCore.Tests.Goldens;

/// <summary>A backend that is held against the goldens, and how far it may be off.</summary>
/// <param name="Name">Shown in the tests' names.</param>
/// <param name="New">Makes it.</param>
/// <param name="Tolerance">Largest difference of an element, relative to the largest element of its tensor.</param>
public sealed record GoldenBackend(string Name, Func<IBackend> New, double Tolerance)
{
    /// <summary>Every backend that is compared.</summary>
    public static IEnumerable<GoldenBackend> All =>
    [
        new("reference", () => new ReferenceBackend(), 1e-9),
        new("cpu", () => new CpuBackend(2), 1e-4),
    ];

    public override string ToString() => Name;
}

using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// One op at one shape, declared once and used four ways: gradients against central differences on the reference backend,
/// every other backend against the reference, guard zones around every result, and timing.
/// </summary>
/// <param name="Op">Name of the op.</param>
/// <param name="Shape">What is particular about this case, such as "8192x576x192 gelu".</param>
/// <param name="Inputs">The inputs in the order in which <paramref name="Run"/> takes them.</param>
/// <param name="Run">Applies the op; returns its results.</param>
public sealed record OpCase(string Op, string Shape, IReadOnlyList<CaseInput> Inputs, Func<Tape, Tensor[], Tensor[]> Run)
{
    /// <summary>Floating-point operations of the forward pass.</summary>
    public double Flops { get; init; }

    /// <summary>Elements read and written by the forward pass at least; bytes are this times the element size.</summary>
    public double Elements { get; init; }

    /// <summary>Floating-point operations of the backward pass; twice the forward's when not given.</summary>
    public double? BackwardFlops { get; init; }

    /// <summary>Elements read and written by the backward pass at least; twice the forward's when not given.</summary>
    public double? BackwardElements { get; init; }

    /// <summary>Length of the longest sum: float32 tolerances grow with its square root.</summary>
    public int SumLength { get; init; } = 1;

    /// <summary>Whether there is a backward pass to check.</summary>
    public bool Differentiable { get; init; } = true;

    /// <summary>Whether only the first element of the result is differentiated: a loss followed by its parts.</summary>
    public bool FirstElementOnly { get; init; }

    /// <summary>Whether the shape is for timing only, too large for the reference's plain loops.</summary>
    public bool TimingOnly { get; init; }

    /// <summary>Op and shape.</summary>
    /// <returns>The name in test lists and tables.</returns>
    public override string ToString() => $"{Op} {Shape}";
}

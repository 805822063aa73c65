using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>One input of an op case: its shape, the law of its random values, and whether it is differentiated.</summary>
/// <param name="Name">Name in messages.</param>
/// <param name="Shape">Sizes.</param>
public sealed record CaseInput(string Name, Shape Shape)
{
    /// <summary>Values are drawn from N(<see cref="Mean"/>, Scale^2).</summary>
    public double Scale { get; init; } = 1;

    /// <summary>Added to every value.</summary>
    public double Mean { get; init; }

    /// <summary>Integers (U8 or I32) are drawn uniformly below this bound; null for real values.</summary>
    public int? Below { get; init; }

    /// <summary>Values are replaced by their absolute value: second moments, standard deviations, noise levels.</summary>
    public bool Positive { get; init; }

    /// <summary>Rows are made orthonormal: a PCA basis.</summary>
    public bool Orthonormal { get; init; }

    /// <summary>Whether the gradient with respect to this input is checked.</summary>
    public bool Differentiable { get; init; } = true;

    /// <summary>Whether the input has the parameter type (float32 where activations are bf16) instead of the activation type.</summary>
    public bool IsParameter { get; init; }

    /// <summary>Element type for integers; ignored for real values.</summary>
    public DType IntegerType { get; init; } = DType.I32;
}

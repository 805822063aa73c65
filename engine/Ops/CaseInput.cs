using LDaeCore.Engine.Autograd;
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

    /// <summary>Random values for the input, exactly representable in float32.</summary>
    /// <param name="seed">Key.</param>
    /// <param name="index">Place among the case's inputs: each draws from a stream of its own.</param>
    /// <returns>As many values as the shape has elements.</returns>
    public double[] Draw(ulong seed, uint index)
    {
        var values = new double[Shape.Count];
        for (var i = 0; i < values.Length; i++)
        {
            var (x, y, _, _) = Philox.Block(seed, RandomStream.Case, index, (ulong)i);
            if (Below is { } bound)
            {
                values[i] = Philox.Below(x, (uint)bound);
                continue;
            }

            var value = Mean + (Scale * Philox.Normals<double>(x, y).First);
            values[i] = (float)(Positive ? Math.Abs(value) : value);
        }

        if (Orthonormal)
        {
            Orthonormalize(values, Shape.Columns);
        }

        return values;
    }

    /// <summary>Makes an input's tensor on a device and fills it.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="values">Its values.</param>
    /// <param name="differentiated">Whether the case is differentiated.</param>
    /// <returns>The tensor.</returns>
    public Tensor Place(Tape tape, double[] values, bool differentiated)
    {
        var backend = tape.Backend;
        if (Below is null)
        {
            var tensor = tape.New(Shape, IsParameter ? backend.ParameterType : backend.ActivationType, differentiated && Differentiable);
            tensor.Write(backend, values);
            return tensor;
        }

        var integers = tape.New(Shape, IntegerType);
        if (IntegerType == DType.U8)
        {
            backend.Upload<byte>(Array.ConvertAll(values, v => (byte)v), integers);
        }
        else
        {
            backend.Upload<int>(Array.ConvertAll(values, v => (int)v), integers);
        }

        return integers;
    }

    private static void Orthonormalize(double[] values, int columns)
    {
        for (var row = 0; row < values.Length / columns; row++)
        {
            var current = values.AsSpan(row * columns, columns);
            for (var pass = 0; pass < 2; pass++)
            {
                for (var before = 0; before < row; before++)
                {
                    var other = values.AsSpan(before * columns, columns);
                    var dot = 0.0;
                    for (var i = 0; i < columns; i++)
                    {
                        dot += current[i] * other[i];
                    }

                    for (var i = 0; i < columns; i++)
                    {
                        current[i] -= dot * other[i];
                    }
                }
            }

            var norm = 0.0;
            foreach (var value in current)
            {
                norm += value * value;
            }

            for (var i = 0; i < columns; i++)
            {
                current[i] /= Math.Sqrt(norm);
            }
        }
    }
}

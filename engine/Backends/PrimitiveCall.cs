using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>What the elements of an argument are.</summary>
public enum Holds
{
    /// <summary>Numbers of the activation type.</summary>
    Activation,

    /// <summary>Numbers of the parameter type.</summary>
    Master,

    /// <summary>Numbers of either type.</summary>
    Real,

    /// <summary>Whole numbers, I32.</summary>
    Whole,

    /// <summary>Pixels: U8, or numbers of the parameter type.</summary>
    Pixel,

    /// <summary>Anything.</summary>
    Any,
}

/// <summary>What an argument must hold.</summary>
/// <param name="Elements">What its elements are.</param>
/// <param name="Count">Number of elements; -1 for any.</param>
/// <param name="Columns">Columns; -1 for any.</param>
public readonly record struct Contents(Holds Elements, long Count = -1, int Columns = -1)
{
    private DType? Type { get; init; }

    /// <summary>Elements of a kind, in any number.</summary>
    /// <param name="elements">The kind.</param>
    public static implicit operator Contents(Holds elements) => new(elements);

    /// <summary>A number of elements of a kind.</summary>
    /// <param name="flat">Kind and number.</param>
    public static implicit operator Contents((Holds Elements, long Count) flat) => new(flat.Elements, flat.Count);

    /// <summary>A matrix.</summary>
    /// <param name="matrix">Kind of the elements, rows, columns.</param>
    public static implicit operator Contents((Holds Elements, long Rows, int Columns) matrix) => new(matrix.Elements, matrix.Rows * matrix.Columns, matrix.Columns);

    /// <summary>As many elements as another tensor has, of the same type.</summary>
    /// <param name="like">The other tensor.</param>
    public static implicit operator Contents(Tensor like) => new(Holds.Any, like.Shape.Count) { Type = like.DType };

    internal bool Fit(Tensor tensor, DType activation, DType parameter) =>
        (Count < 0 || tensor.Shape.Count == Count) && (Columns < 0 || tensor.Shape.Columns == Columns) && IsKind(tensor.DType, activation, parameter);

    internal string Text(DType activation, DType parameter)
    {
        var kind = this;
        var type = string.Join(" or ", Enum.GetValues<DType>().Where(type => kind.IsKind(type, activation, parameter)));
        return (Count, Columns) switch
        {
            ( >= 0, >= 0) => $"{type} of {Count / Columns} rows and {Columns} columns",
            (_, >= 0) => $"{type} of {Columns} columns",
            ( >= 0, _) => $"{type} of {Count} elements",
            _ => type,
        };
    }

    private bool IsKind(DType type, DType activation, DType parameter) => Type is { } exact ? type == exact : Elements switch
    {
        Holds.Activation => type == activation,
        Holds.Master => type == parameter,
        Holds.Real => type == activation || type == parameter,
        Holds.Whole => type == DType.I32,
        Holds.Pixel => type == DType.U8 || type == parameter,
        _ => true,
    };
}

/// <summary>
/// A call of a primitive: its name and its tensors, each checked against the primitive's contract when it is named. A tensor that is null is not wanted and not
/// checked.
/// </summary>
/// <param name="backend">The device whose types count.</param>
/// <param name="name">The primitive; the calling method's name when not given.</param>
public struct PrimitiveCall(IBackend backend, [CallerMemberName] string name = "")
{
    private readonly DType _activation = backend.ActivationType, _parameter = backend.ParameterType;
    private Written _results;
    private int _count;

    /// <summary>The primitive's name.</summary>
    public readonly string Name => name;

    /// <summary>The tensors that it writes, in the order of its contract; null for those that are not wanted.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<Tensor?> Results => ((ReadOnlySpan<Tensor?>)_results)[.._count];

    /// <summary>Names a tensor that the primitive reads.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="wanted">What it must hold.</param>
    /// <param name="argument">What the contract calls it.</param>
    /// <returns>The call.</returns>
    /// <exception cref="ArgumentException">It holds something else; the message names the primitive and the argument.</exception>
    public readonly PrimitiveCall Reads(Tensor? tensor, Contents wanted, [CallerArgumentExpression(nameof(tensor))] string argument = "") =>
        tensor is null || wanted.Fit(tensor, _activation, _parameter)
            ? this
            : throw Error($"{tensor} is not {wanted.Text(_activation, _parameter)}", argument);

    /// <summary>Names a tensor that the primitive writes, perhaps after it has read it.</summary>
    /// <inheritdoc cref="Reads"/>
    public PrimitiveCall Writes(Tensor? tensor, Contents wanted, [CallerArgumentExpression(nameof(tensor))] string argument = "")
    {
        Reads(tensor, wanted, argument);
        _results[_count++] = tensor;
        return this;
    }

    /// <summary>Names a condition of the contract.</summary>
    /// <param name="holds">Whether it is met.</param>
    /// <param name="argument">The argument that must meet it.</param>
    /// <typeparam name="T">Type of the argument.</typeparam>
    /// <param name="condition">The condition as code.</param>
    /// <param name="name">What the contract calls the argument.</param>
    /// <returns>The call.</returns>
    /// <exception cref="ArgumentException">It is not met.</exception>
    public readonly PrimitiveCall Where<T>(
        bool holds, T argument, [CallerArgumentExpression(nameof(holds))] string condition = "", [CallerArgumentExpression(nameof(argument))] string name = "") =>
        holds ? this : throw Error($"{argument} does not fit: {condition}", name);

    private readonly ArgumentException Error(string found, string argument)
    {
        var plain = argument.Replace("?", "").Replace("!", "");
        plain = plain.StartsWith("args.") ? plain["args.".Length..] : plain.StartsWith("gradients.") ? plain["gradients.".Length..] : plain;
        return new ArgumentException($"{Name}: {plain} {found}.", plain);
    }

    [InlineArray(8)]
    private struct Written
    {
        private Tensor? _first;
    }
}

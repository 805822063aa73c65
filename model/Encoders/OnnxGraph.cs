using System.Runtime.InteropServices;
using LDaeCore.Model.Protobuf;

namespace LDaeCore.Model.Encoders;

/// <summary>
/// The messages of an ONNX graph (onnx.proto3): nodes by operator, initializers, typed inputs and outputs. Values are called after what
/// computes them; each method returns the name of its result.
/// </summary>
internal sealed class OnnxGraph
{
    /// <summary>ONNX's number of an element type.</summary>
    public const int Float = 1, UInt8 = 2, Int64 = 7;

    private const int AttributeFloat = 1, AttributeInt = 2, AttributeInts = 7;

    private readonly ProtoMessage _message = new();
    private int _named;

    /// <summary>A constant of float32 elements.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="values">Read when the file is written.</param>
    /// <param name="sizes">Its shape.</param>
    public string Constant(string name, float[] values, params ReadOnlySpan<long> sizes) =>
        Constant(name, Float, checked(values.Length * sizeof(float)), () => MemoryMarshal.AsBytes<float>(values).ToArray(), sizes);

    /// <summary>A constant of int64 elements: a shape, axes, indices. A single one without a shape is a scalar.</summary>
    public string Integers(string name, bool isScalar, params long[] values) =>
        Constant(name, Int64, values.Length * sizeof(long), () => MemoryMarshal.AsBytes<long>(values).ToArray(), isScalar ? [] : [values.Length]);

    /// <summary>A node with one result.</summary>
    /// <param name="type">Operator.</param>
    /// <param name="inputs">Names of its inputs.</param>
    /// <param name="attributes">Its attributes: a float, a long, or longs each.</param>
    /// <returns>Name of the result.</returns>
    public string Node(string type, string[] inputs, params (string Name, object Value)[] attributes) => Named($"{type}_{_named++}", type, inputs, attributes);

    /// <summary>A node whose result has a name of its own.</summary>
    public string Named(string output, string type, string[] inputs, params (string Name, object Value)[] attributes)
    {
        var node = new ProtoMessage();
        foreach (var input in inputs)
        {
            node.Add(1, input);
        }

        node.Add(2, output).Add(3, $"node_{output}").Add(4, type);
        foreach (var (name, value) in attributes)
        {
            node.Add(5, Attribute(name, value));
        }

        _message.Add(1, node);
        return output;
    }

    /// <summary>Closes the graph.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="input">Name, element type and sizes of the input; null is the size of the batch.</param>
    /// <param name="output">The same of the output.</param>
    public ProtoMessage Build(string name, (string Name, int Type, long?[] Sizes) input, (string Name, int Type, long?[] Sizes) output) =>
        _message.Add(2, name).Add(11, Value(input)).Add(12, Value(output));

    private string Constant(string name, int type, int length, Func<byte[]> bytes, ReadOnlySpan<long> sizes)
    {
        var tensor = new ProtoMessage();
        foreach (var size in sizes)
        {
            tensor.Add(1, size);
        }

        _message.Add(5, tensor.Add(2, (long)type).Add(8, name).Add(9, length, bytes));
        return name;
    }

    private static ProtoMessage Attribute(string name, object value)
    {
        var message = new ProtoMessage().Add(1, name);
        switch (value)
        {
            case float number:
                return message.Add(2, number).Add(20, (long)AttributeFloat);
            case long number:
                return message.Add(3, number).Add(20, (long)AttributeInt);
            default:
                foreach (var number in (long[])value)
                {
                    message.Add(8, number);
                }

                return message.Add(20, (long)AttributeInts);
        }
    }

    private static ProtoMessage Value((string Name, int Type, long?[] Sizes) value)
    {
        var shape = new ProtoMessage();
        foreach (var size in value.Sizes)
        {
            shape.Add(1, size is { } known ? new ProtoMessage().Add(1, known) : new ProtoMessage().Add(2, "batch"));
        }

        var tensor = new ProtoMessage().Add(1, (long)value.Type).Add(2, shape);
        return new ProtoMessage().Add(1, value.Name).Add(2, new ProtoMessage().Add(1, tensor));
    }
}

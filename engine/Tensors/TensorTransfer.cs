using System.Numerics.Tensors;

namespace LDaeCore.Engine.Tensors;

/// <summary>Moves values between host arrays and tensors, converting to and from the tensor's element type.</summary>
public static class TensorTransfer
{
    /// <summary>Writes real values, rounded to the tensor's type.</summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <param name="values">As many values as elements.</param>
    public static void Write(this Tensor tensor, IDeviceMemory backend, ReadOnlySpan<double> values)
    {
        if (tensor.DType == DType.F64)
        {
            backend.Upload(values, tensor);
            return;
        }

        var rounded = new float[values.Length];
        TensorPrimitives.ConvertTruncating(values, rounded);
        tensor.Write(backend, rounded.AsSpan());
    }

    /// <summary>Writes float values: widened to doubles, or rounded to the nearest BF16 (ties to even).</summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <param name="values">As many values as elements.</param>
    public static void Write(this Tensor tensor, IDeviceMemory backend, ReadOnlySpan<float> values)
    {
        if (tensor.DType == DType.F32)
        {
            backend.Upload(values, tensor);
            return;
        }

        if (tensor.DType == DType.BF16)
        {
            var rounded = new ushort[values.Length];
            for (var i = 0; i < rounded.Length; i++)
            {
                rounded[i] = BFloat16.Bits(values[i]);
            }

            backend.Upload<ushort>(rounded, tensor);
            return;
        }

        var wide = new double[values.Length];
        TensorPrimitives.ConvertTruncating(values, wide);
        backend.Upload<double>(wide, tensor);
    }

    /// <summary>Reads real values as doubles.</summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <returns>The elements in order.</returns>
    public static double[] ReadDoubles(this Tensor tensor, IDeviceMemory backend)
    {
        var values = new double[tensor.Shape.Count];
        if (tensor.DType == DType.F64)
        {
            backend.Download(tensor, values.AsSpan());
            return values;
        }

        TensorPrimitives.ConvertTruncating<float, double>(tensor.ReadFloats(backend), values);
        return values;
    }

    /// <summary>Reads real values as floats.</summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <returns>The elements in order, rounded when the tensor holds doubles.</returns>
    public static float[] ReadFloats(this Tensor tensor, IDeviceMemory backend)
    {
        var values = new float[tensor.Shape.Count];
        if (tensor.DType == DType.F32)
        {
            backend.Download(tensor, values.AsSpan());
            return values;
        }

        if (tensor.DType == DType.BF16)
        {
            var bits = new ushort[values.Length];
            backend.Download(tensor, bits.AsSpan());
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = BFloat16.Value(bits[i]);
            }

            return values;
        }

        TensorPrimitives.ConvertTruncating<double, float>(tensor.ReadDoubles(backend), values);
        return values;
    }

    /// <summary>
    /// The elements as a tensor of System.Numerics.Tensors, in the same shape. Float32 elements in the process's own memory, which are the processor backend's, are
    /// not copied: the span shows later writes, and is good as long as the memory of the tensor. All others are copied and converted.
    /// </summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <returns>The elements.</returns>
    public static ReadOnlyTensorSpan<float> AsReadOnlyTensorSpan(this Tensor tensor, IDeviceMemory backend) => IsOnHost(tensor, backend)
        ? tensor.AsTensorSpan(backend)
        : new ReadOnlyTensorSpan<float>(tensor.ReadFloats(backend), Lengths(tensor));

    /// <summary>The elements of a float32 tensor of the processor backend, to be written in place.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <returns>The elements, good as long as the memory of the tensor.</returns>
    /// <exception cref="ArgumentException">The elements are of another type, or in a device's memory: read a copy and write it back.</exception>
    public static unsafe TensorSpan<float> AsTensorSpan(this Tensor tensor, IDeviceMemory backend) => IsOnHost(tensor, backend)
        ? new TensorSpan<float>(new Span<float>((void*)tensor.Address, checked((int)tensor.Shape.Count)), Lengths(tensor))
        : throw new ArgumentException($"{tensor} of the {backend.Kind} backend is not float32 in the process's memory; read a copy and write it back.", nameof(tensor));

    /// <summary>Writes the elements of a tensor of System.Numerics.Tensors, converted like other values.</summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <param name="values">As many values as elements; its shape is ignored.</param>
    public static void Write(this Tensor tensor, IDeviceMemory backend, in ReadOnlyTensorSpan<float> values)
    {
        var flat = new float[values.FlattenedLength];
        values.FlattenTo(flat);
        tensor.Write(backend, flat.AsSpan());
    }

    private static bool IsOnHost(Tensor tensor, IDeviceMemory backend) => tensor.DType == DType.F32 && backend.Kind == DeviceKind.Cpu;

    private static nint[] Lengths(Tensor tensor) => [.. Enumerable.Range(0, tensor.Shape.Rank).Select(axis => (nint)tensor.Shape[axis])];
}

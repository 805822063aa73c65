using LDaeCore.Engine.Backends;

namespace LDaeCore.Engine.Tensors;

/// <summary>Moves values between host arrays and tensors, converting to and from the tensor's element type.</summary>
public static class TensorTransfer
{
    /// <summary>Writes real values, rounded to the tensor's type.</summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <param name="values">As many values as elements.</param>
    public static void Write(this Tensor tensor, IBackend backend, ReadOnlySpan<double> values)
    {
        if (tensor.DType == DType.F64)
        {
            backend.Upload(values, tensor);
            return;
        }

        var rounded = new float[values.Length];
        for (var i = 0; i < rounded.Length; i++)
        {
            rounded[i] = (float)values[i];
        }

        tensor.Write(backend, rounded.AsSpan());
    }

    /// <summary>Writes float values: widened to doubles, or rounded to the nearest BF16 (ties to even).</summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <param name="values">As many values as elements.</param>
    public static void Write(this Tensor tensor, IBackend backend, ReadOnlySpan<float> values)
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
        for (var i = 0; i < wide.Length; i++)
        {
            wide[i] = values[i];
        }

        backend.Upload<double>(wide, tensor);
    }

    /// <summary>Reads real values as doubles.</summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <returns>The elements in order.</returns>
    public static double[] ReadDoubles(this Tensor tensor, IBackend backend)
    {
        var values = new double[tensor.Shape.Count];
        if (tensor.DType == DType.F64)
        {
            backend.Download(tensor, values.AsSpan());
            return values;
        }

        var narrow = tensor.ReadFloats(backend);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = narrow[i];
        }

        return values;
    }

    /// <summary>Reads real values as floats.</summary>
    /// <param name="tensor">An F64, F32 or BF16 tensor.</param>
    /// <param name="backend">Its device.</param>
    /// <returns>The elements in order, rounded when the tensor holds doubles.</returns>
    public static float[] ReadFloats(this Tensor tensor, IBackend backend)
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

        var wide = tensor.ReadDoubles(backend);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)wide[i];
        }

        return values;
    }
}

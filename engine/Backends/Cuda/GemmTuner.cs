using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <summary>
/// Times the candidates for a product with its real epilogue, on matrices of its own filled with random values: zeros would draw
/// less power and run faster than real data. The operands of the training step are not touched.
/// </summary>
/// <param name="stream">Where products run.</param>
/// <param name="handle">The library.</param>
/// <param name="workspace">What algorithms may use.</param>
internal sealed class GemmTuner(CudaStream stream, CublasLtHandle handle, (nint Address, long Bytes) workspace)
{
    /// <summary>Candidates asked for.</summary>
    public const int MostCandidates = 16;

    private const int WarmUps = 2, Runs = 8;

    /// <summary>The candidate with the shortest mean time; the library's own first when none runs.</summary>
    public CublasLtAlgorithm Fastest(GemmPlan plan, in GemmShape shape, CublasLtCandidate[] candidates)
    {
        int input = shape.Input == CublasLtType.BF16 ? 2 : 4, output = shape.Output == CublasLtType.BF16 ? 2 : 4;
        using var a = Random((long)shape.M * shape.K * input, shape.Input);
        using var b = Random((long)shape.K * shape.N * input, shape.Input);
        using var c = Random((long)shape.M * shape.N * output, shape.Output);
        using var d = Random((long)shape.M * shape.N * output, shape.Output);
        using var auxiliary = Random((long)shape.M * shape.N * output, shape.Output);
        using var bias = Random((long)shape.N * output, shape.Output);
        var hasBias = shape.Epilogue is CublasLtEpilogue.Bias or CublasLtEpilogue.GeluAuxBias;
        var hasAuxiliary = shape.Epilogue is CublasLtEpilogue.GeluAux or CublasLtEpilogue.GeluAuxBias or CublasLtEpilogue.GeluGradient;
        var operands = new GemmOperands(
            a.Address, b.Address, shape.Adds && !shape.InPlace ? c.Address : d.Address, d.Address, hasBias ? bias.Address : 0, hasAuxiliary ? auxiliary.Address : 0);

        var best = candidates[0].Algorithm;
        var shortest = float.PositiveInfinity;
        using CudaEvent start = new(stream.Context), end = new(stream.Context);
        foreach (var candidate in candidates)
        {
            if (Time(plan, operands, candidate.Algorithm, start, end) is { } time && time < shortest)
            {
                (best, shortest) = (candidate.Algorithm, time);
            }
        }

        return best;
    }

    private float? Time(GemmPlan plan, in GemmOperands operands, in CublasLtAlgorithm algorithm, CudaEvent start, CudaEvent end)
    {
        for (var run = 0; run < WarmUps + Runs; run++)
        {
            if (run == WarmUps)
            {
                start.Record(stream);
            }

            if (!plan.TryRun(handle, operands, algorithm, workspace, stream.Handle))
            {
                return null;
            }
        }

        end.Record(stream);
        end.Synchronize();
        return end.MillisecondsSince(start);
    }

    /// <summary>A matrix of values in (-0.5, 0.5): one drawn block over and over.</summary>
    private unsafe DeviceStorage Random(long bytes, CublasLtType type)
    {
        const int Block = 1 << 20;
        var values = new byte[Math.Min(bytes, Block)];
        var size = type == CublasLtType.BF16 ? 2 : 4;
        for (var i = 0; i < values.Length / size; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(Philox.Uniform(Philox.Word(1, RandomStream.Case, 0, (ulong)i)) - 0.5f);
            if (size == 2)
            {
                BitConverter.TryWriteBytes(values.AsSpan(2 * i), (ushort)(bits >> 16));
            }
            else
            {
                BitConverter.TryWriteBytes(values.AsSpan(4 * i), bits);
            }
        }

        var storage = new DeviceStorage(stream, bytes);
        fixed (byte* from = values)
        {
            for (long offset = 0; offset < bytes; offset += values.Length)
            {
                stream.Context.Driver.CopyToDevice((nint)(storage.Address + offset), from, Math.Min(values.Length, bytes - offset), stream.Handle);
            }
        }

        return storage;
    }
}

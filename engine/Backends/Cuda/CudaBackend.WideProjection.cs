using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>
/// Latent noise and the l-DAE loss on more components than their fused kernels are good for: the projections by cuBLASLt, some patches at a time, and
/// kernels/wide_projection.cu around them.
/// </content>
public sealed unsafe partial class CudaBackend
{
    /// <summary>
    /// Components up to which a fused kernel projects. Beyond, its basis no longer fits the L1 cache beside the rest of a block (64 x 768 floats are 197 KB of
    /// 228), and products in float32 are predicted to win; no GPU has confirmed it yet. See kernels/wide_projection.cu.
    /// </summary>
    internal const int MostFusedComponents = 64;

    private const int WideBlockRows = 8;

    /// <summary>Patches of a product: 16384 of 768 values are 50 MB in float32, about what an L2 cache holds.</summary>
    internal int WideRows { get; init; } = 16384;

    private void WideNoise(in LatentNoiseArgs args, Tensor basis)
    {
        int patches = args.Clean.Shape.Rows, columns = args.Clean.Shape[2], most = Math.Min(patches, WideRows);
        var patchBytes = WideBytes(most, columns);
        var scratch = Scratch(patchBytes + WideBytes(most, args.Dim));
        for (var first = 0; first < patches; first += most)
        {
            var rows = Math.Min(most, patches - first);
            var (centered, latents) = (Floats(scratch, rows, columns), Floats((nint)(scratch + patchBytes), rows, args.Dim));
            ShiftRows("wide_center", RowsOf(args.Clean, first, rows), args.Mean, centered);
            this.MatMul(new MatMulArgs(centered, false, basis, true, latents));
            NoiseRows(args, first, latents);
            if (args.Noisy is { } noisy)
            {
                this.MatMul(new MatMulArgs(latents, false, basis, false, centered));
                ShiftRows("wide_restore", centered, args.Mean, RowsOf(noisy, first, rows));
            }
        }
    }

    private void WideLoss(in PcaLossArgs args)
    {
        int patches = args.Prediction.Shape.Rows, columns = args.Prediction.Shape[2], components = args.Basis.Shape.Rows, most = Math.Min(patches, WideRows);
        var blocks = 0;
        for (var first = 0; first < patches; first += most)
        {
            blocks += WideBlocks(Math.Min(most, patches - first));
        }

        long patchBytes = WideBytes(most, columns), projectedBytes = WideBytes(most, components);
        var scratch = Scratch((2 * patchBytes) + projectedBytes + (2L * blocks * sizeof(float)));
        var sums = (nint)(scratch + (2 * patchBytes) + projectedBytes);
        var part = sums;
        for (var first = 0; first < patches; first += most)
        {
            var rows = Math.Min(most, patches - first);
            Tensor r = Floats(scratch, rows, columns), back = Floats((nint)(scratch + patchBytes), rows, columns);
            var projected = Floats((nint)(scratch + (2 * patchBytes)), rows, components);
            DifferenceOfRows(args, first, r, part);
            this.MatMul(new MatMulArgs(r, false, args.Basis, true, projected));
            WeighProjections(args, first, projected, part);
            if (args.DPrediction is { } gradient)
            {
                this.MatMul(new MatMulArgs(projected, false, args.Basis, false, back));
                GradientOfRows(args, first, r, back, RowsOf(gradient, first, rows));
            }

            part = (nint)(part + (2L * WideBlocks(rows) * sizeof(float)));
        }

        var total = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        total.Add(sums);
        total.Add(blocks);
        total.Add((float)args.KeptWeight);
        total.Add((float)args.ResidualWeight);
        total.Add(args.Loss);
        LaunchWide("wide_total", args.Prediction, 1, ref total);
    }

    /// <summary>to = rows - mean or rows + mean.</summary>
    private void ShiftRows(string entry, Tensor rows, Tensor mean, Tensor to)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(rows);
        arguments.Add(mean);
        arguments.Add(to);
        arguments.Add(rows.Shape.Rows);
        arguments.Add(rows.Shape.Columns);
        LaunchWide(entry, entry == "wide_center" ? rows : to, rows.Shape.Rows, ref arguments);
    }

    private void NoiseRows(in LatentNoiseArgs args, int first, Tensor latents)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(latents);
        arguments.Add(args.LatentStd);
        arguments.Add(args.Gamma);
        arguments.Add(args.Sigma);
        arguments.Add(args.Latents);
        AddNoisePlace(args, ref arguments);
        AddWideRows(first, latents, args.Clean.Shape[1], ref arguments);
        LaunchWide("wide_noise", args.Clean, latents.Shape.Rows, ref arguments);
    }

    private void DifferenceOfRows(in PcaLossArgs args, int first, Tensor r, nint part)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(RowsOf(args.Prediction, first, r.Shape.Rows));
        arguments.Add(RowsOf(args.Clean, first, r.Shape.Rows));
        arguments.Add(args.Lambda);
        arguments.Add(r);
        arguments.Add(part);
        arguments.Add(WideScale(args));
        AddWideRows(first, r, args.Prediction.Shape[1], ref arguments);
        LaunchWide("wide_difference", args.Prediction, r.Shape.Rows, ref arguments);
    }

    private void WeighProjections(in PcaLossArgs args, int first, Tensor projected, nint part)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(projected);
        arguments.Add(args.Lambda);
        arguments.Add(part);
        arguments.Add(WideScale(args));
        arguments.Add((float)(args.KeptWeight - args.ResidualWeight));
        AddWideRows(first, projected, args.Prediction.Shape[1], ref arguments);
        LaunchWide("wide_weigh", args.Prediction, projected.Shape.Rows, ref arguments);
    }

    private void GradientOfRows(in PcaLossArgs args, int first, Tensor r, Tensor back, Tensor gradient)
    {
        var arguments = new KernelArguments(stackalloc long[KernelArguments.Capacity]);
        arguments.Add(r);
        arguments.Add(back);
        arguments.Add(args.Lambda);
        arguments.Add(gradient);
        arguments.Add(WideScale(args));
        arguments.Add((float)args.ResidualWeight);
        AddWideRows(first, r, args.Prediction.Shape[1], ref arguments);
        LaunchWide("wide_gradient", args.Prediction, r.Shape.Rows, ref arguments);
    }

    /// <summary>1 / (D patches).</summary>
    private static float WideScale(in PcaLossArgs args) => (float)(1.0 / args.Prediction.Shape.Count);

    private static long WideBytes(int rows, int columns) =>
        (((long)rows * columns * sizeof(float)) + ScratchAlignment - 1) / ScratchAlignment * ScratchAlignment;

    private static int WideBlocks(int rows) => Grid.Over(rows, WideBlockRows).X;

    private static Tensor Floats(nint address, int rows, int columns) => new(new Shape(rows, columns), DType.F32, address);

    private static void AddWideRows(int first, Tensor rows, int tokens, ref KernelArguments arguments)
    {
        arguments.Add(first);
        arguments.Add(rows.Shape.Rows);
        arguments.Add(tokens);
        arguments.Add(rows.Shape.Columns);
    }

    private void LaunchWide(string entry, Tensor like, int rows, ref KernelArguments arguments) => _kernels
        .Get("wide_projection", entry, RealOf(like)).Launch(_stream, WideBlocks(rows), PackThreads, SumSharedBytes, ref arguments);
}

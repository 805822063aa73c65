using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

/// <content>Primitives whose kernels are on other branches; this file goes when they are merged.</content>
#pragma warning disable CS1591
public sealed unsafe partial class CudaBackend
{
    internal nint StepScalars => _stepScalars;

    public void Attention(in AttentionArgs args) => throw new NotSupportedException();

    public void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv) => throw new NotSupportedException();

}

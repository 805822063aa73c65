using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends.Cuda;

#pragma warning disable CS1591
public sealed unsafe partial class CudaBackend
{
    public void Attention(in AttentionArgs args) => throw new NotSupportedException();

    public void AttentionBackward(in AttentionArgs args, Tensor dOutput, Tensor dQkv) => throw new NotSupportedException();
}

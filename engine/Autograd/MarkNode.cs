using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Autograd;

/// <summary>A place on the tape that somebody wants to hear of when the backward pass comes back to it.</summary>
/// <param name="element">What to tell: the first element whose gradient is complete by then.</param>
internal sealed class MarkNode(long element) : Node
{
    public override IReadOnlyList<Tensor> Owned => [];

    public override void Backward(Tape tape) => tape.Passed?.Invoke(element);
}

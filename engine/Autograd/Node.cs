using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Autograd;

/// <summary>
/// One recorded operation: it keeps exactly what its backward reads. Nodes are objects instead of closures, so that their fields show what a
/// step keeps in memory.
/// </summary>
public abstract class Node
{
    /// <summary>The operation's results and saved tensors; freed after its backward.</summary>
    public abstract IReadOnlyList<Tensor> Owned { get; }

    /// <summary>Turns the gradients of the results into contributions to the gradients of the inputs.</summary>
    /// <param name="tape">Holds the gradients of results and inputs.</param>
    public abstract void Backward(Tape tape);
}

/// <summary>A place on the tape that is reported when the backward pass reaches it.</summary>
/// <param name="element">First element of the flat gradient buffer that is complete at that time.</param>
internal sealed class MarkNode(long element) : Node
{
    public override IReadOnlyList<Tensor> Owned => [];

    public override void Backward(Tape tape) => tape.Passed?.Invoke(element);
}

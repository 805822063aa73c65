using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Autograd;

/// <summary>
/// One recorded operation: it keeps exactly what its backward reads. Nodes are objects and not closures, so that what a step
/// remembers can be read off their fields.
/// </summary>
public abstract class Node
{
    /// <summary>What the operation made: its results, and what it saved for itself. Freed when its backward is done.</summary>
    public abstract IReadOnlyList<Tensor> Owned { get; }

    /// <summary>Turns the gradients of the results into contributions to the gradients of the inputs.</summary>
    /// <param name="tape">Gives the incoming gradients and the places for the outgoing ones.</param>
    public abstract void Backward(Tape tape);
}

/// <summary>A place on the tape that somebody wants to hear of when the backward pass comes back to it.</summary>
/// <param name="element">What to tell: the first element whose gradient is complete by then.</param>
internal sealed class MarkNode(long element) : Node
{
    public override IReadOnlyList<Tensor> Owned => [];

    public override void Backward(Tape tape) => tape.Passed?.Invoke(element);
}

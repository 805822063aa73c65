using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// A loss whose forward pass already made the gradient for an incoming gradient of one. The backward pass scales it by what
/// really arrives (1 / micro-batches under gradient accumulation) and hands the memory on.
/// </summary>
internal sealed class ScalarLossNode(Tensor input, Tensor loss, Tensor gradient) : Node
{
    public override IReadOnlyList<Tensor> Owned { get; } = [loss];

    public override void Backward(Tape tape)
    {
        if (tape.Incoming(loss) is { } incoming)
        {
            tape.Backend.Scale(gradient, incoming);
            tape.PassOn(gradient, input);
        }
        else
        {
            tape.Free(gradient);
        }
    }
}

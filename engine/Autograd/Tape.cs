using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Autograd;

/// <summary>
/// The list of operations of one step, in order, and the memory they work in. <see cref="Backward(Tensor)"/> walks it from
/// the end: each node reads the gradient of its results and stores or adds the gradients of its inputs, after which its
/// results, their gradients and its saved tensors are freed.
/// </summary>
/// <param name="backend">The device.</param>
/// <param name="arena">Memory for results.</param>
public sealed class Tape(IBackend backend, StepArena arena)
{
    private readonly List<Node> _nodes = [];

    /// <summary>The device.</summary>
    public IBackend Backend { get; } = backend;

    /// <summary>Memory for results.</summary>
    public StepArena Arena { get; } = arena;

    /// <summary>Whether operations are recorded for a backward pass.</summary>
    public bool Recording { get; private set; } = true;

    /// <summary>Owner of the memory that is allocated next, for the memory plan.</summary>
    public string Owner { get; set; } = "step";

    /// <summary>
    /// Called when the backward pass reaches a <see cref="Mark"/>: gradients from that element on are complete, because parameters lie in the
    /// order in which a network declares and uses them. May be null.
    /// </summary>
    public Action<long>? Passed { get; init; }

    /// <summary>Number of recorded operations.</summary>
    public int Count => _nodes.Count;

    /// <summary>A tensor in the step's memory, its elements undefined.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="dtype">Element type; the backend's activation type when not given.</param>
    /// <param name="requiresGradient">Whether a backward pass computes its gradient.</param>
    /// <returns>The tensor.</returns>
    public Tensor New(Shape shape, DType? dtype = null, bool requiresGradient = false) =>
        New(shape, dtype ?? Backend.ActivationType, requiresGradient, null);

    internal Tensor New(Shape shape, DType dtype, bool requiresGradient, Tensor? geluInput)
    {
        var block = Arena.Rent(shape.Count * dtype.Size(), Owner);
        var slot = requiresGradient && Recording ? new GradientSlot() : null;
        return new Tensor(shape, dtype, block.Address, block, slot) { GeluInput = geluInput };
    }

    /// <summary>Frees a temporary tensor before the step ends.</summary>
    /// <param name="tensor">A tensor of <see cref="New(Shape, DType?, bool)"/> that is not read any more.</param>
    public void Free(Tensor tensor)
    {
        if (tensor.Block is { Live: true } block)
        {
            Arena.Return(block);
        }
    }

    /// <summary>Records an operation, when one of its results needs a gradient and recording is on.</summary>
    /// <param name="node">The operation.</param>
    public void Record(Node node)
    {
        if (Recording)
        {
            _nodes.Add(node);
        }
    }

    /// <summary>Records that the operations before it use no parameter from an element on; see <see cref="Passed"/>.</summary>
    /// <param name="element">Place in the flat buffers of the parameters.</param>
    public void Mark(long element)
    {
        if (Passed is not null)
        {
            Record(new MarkNode(element));
        }
    }

    /// <summary>Runs operations without recording them (no_grad) and frees all their tensors except the results.</summary>
    /// <param name="work">The operations; returns the results.</param>
    /// <returns>The results.</returns>
    public Tensor[] WithoutRecording(Func<Tensor[]> work)
    {
        var recording = Recording;
        Recording = false;
        var before = Arena.LiveBlocks.ToHashSet();
        try
        {
            var results = work();
            var kept = results.Select(r => r.Block).ToHashSet();
            foreach (var block in Arena.LiveBlocks.Where(b => !before.Contains(b) && !kept.Contains(b)).ToArray())
            {
                Arena.Return(block);
            }

            return results;
        }
        finally
        {
            Recording = recording;
        }
    }

    /// <summary>The gradient of a result; null when the loss does not depend on it.</summary>
    /// <param name="result">A result of the calling node.</param>
    /// <returns>The gradient.</returns>
    public Tensor? Incoming(Tensor result) =>
        result.Slot is { Stored: true, Gradient: { } gradient } ? Shaped(gradient, result) : null;

    /// <summary>Memory for a contribution to an input's gradient.</summary>
    /// <param name="input">The input; it must require a gradient.</param>
    /// <param name="accumulate">False for the first contribution, which is stored; true for later ones, which are added.</param>
    /// <returns>The gradient's memory.</returns>
    public Tensor Outgoing(Tensor input, out bool accumulate)
    {
        var slot = input.Slot ?? throw new InvalidOperationException($"{input} does not require a gradient.");
        accumulate = slot.Stored;
        slot.Stored = true;
        slot.Gradient ??= New(input.Shape, input.DType, false);
        return Shaped(slot.Gradient, input);
    }

    /// <summary>As <see cref="Outgoing"/>, for contributions to parts of an input: zeroed before the first, so that all add.</summary>
    /// <param name="input">The input; it must require a gradient.</param>
    /// <returns>The gradient's memory.</returns>
    public Tensor OutgoingZeroed(Tensor input)
    {
        var gradient = Outgoing(input, out var accumulate);
        if (!accumulate)
        {
            Backend.Fill(gradient, 0);
        }

        return gradient;
    }

    /// <summary>
    /// Uses the gradient of a result as the gradient of an input, as in an addition. Its memory becomes the input's
    /// when the input has no gradient yet.
    /// </summary>
    /// <param name="gradient">The gradient; the caller must not use it afterwards.</param>
    /// <param name="input">The input; nothing happens when it needs no gradient.</param>
    public void PassOn(Tensor gradient, Tensor input)
    {
        if (input.Slot is not { } slot)
        {
            Free(gradient);
        }
        else if (slot.Stored || slot.Persistent)
        {
            Backend.Add(gradient, Outgoing(input, out var accumulate), accumulate);
            Free(gradient);
        }
        else
        {
            slot.Gradient = gradient;
            slot.Stored = true;
        }
    }

    /// <summary>Detaches the gradient of a result, so that the node may reuse its memory.</summary>
    /// <param name="result">A result of the calling node.</param>
    /// <returns>The gradient, or null.</returns>
    public Tensor? Take(Tensor result)
    {
        if (Incoming(result) is null)
        {
            return null;
        }

        var gradient = result.Slot!.Gradient!;
        result.Slot.Gradient = null;
        result.Slot.Stored = false;
        return gradient;
    }

    /// <summary>Computes the gradients of a scalar.</summary>
    /// <param name="loss">A tensor of one element.</param>
    public void Backward(Tensor loss)
    {
        var seed = Outgoing(loss, out _);
        Backend.Fill(seed, 1);
        Backward();
    }

    /// <summary>Walks the tape from gradients that were written to the results by <see cref="Outgoing"/>.</summary>
    public void Backward()
    {
        using var range = Ranges.Open("backward");
        BackwardTo(0);
    }

    internal void BackwardTo(int first)
    {
        while (_nodes.Count > first)
        {
            var node = _nodes[^1];
            _nodes.RemoveAt(_nodes.Count - 1);
            node.Backward(this);
            foreach (var tensor in node.Owned)
            {
                if (tensor.Slot is { Persistent: false, Gradient: { } gradient } slot)
                {
                    Free(gradient);
                    slot.Gradient = null;
                    slot.Stored = false;
                }

                Free(tensor);
            }
        }
    }

    private static Tensor Shaped(Tensor gradient, Tensor like) => gradient.Shape == like.Shape
        ? gradient
        : new Tensor(like.Shape, gradient.DType, gradient.Address);
}

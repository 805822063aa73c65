using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Autograd;

/// <summary>
/// Activation recompute (Chen et al. 2016, "Training deep nets with sublinear memory cost"): the forward pass of a block
/// keeps the block's inputs only, the backward pass runs the block again to get what its nodes would have saved. The same
/// operations on the same values in the same order: the gradients are bit-identical to those of a run that saved everything.
/// </summary>
public static class Recompute
{
    /// <summary>Runs a block so that its activations are recomputed in the backward pass.</summary>
    /// <param name="tape">The step's tape.</param>
    /// <param name="block">A pure function of the tensors it closes over.</param>
    /// <returns>The block's results.</returns>
    public static Tensor[] Run(Tape tape, Func<Tensor[]> block)
    {
        if (!tape.Recording)
        {
            return block();
        }

        var owner = tape.Owner;
        var results = tape.WithoutRecording(block)
            .Select(r => new Tensor(r.Shape, r.DType, r.Address, r.Block, new GradientSlot()) { GeluInput = r.GeluInput })
            .ToArray();
        tape.Record(new RecomputeNode(block, results, owner));
        return results;
    }

    private sealed class RecomputeNode(Func<Tensor[]> block, Tensor[] results, string owner) : Node
    {
        public override IReadOnlyList<Tensor> Owned => results;

        public override void Backward(Tape tape)
        {
            var gradients = results.Select(tape.Take).ToArray();
            foreach (var result in results)
            {
                tape.Free(result);
            }

            var first = tape.Count;
            var outside = tape.Owner;
            tape.Owner = owner;
            var again = block();
            for (var i = 0; i < again.Length; i++)
            {
                if (gradients[i] is { } gradient)
                {
                    tape.PassOn(gradient, again[i]);
                }
            }

            tape.BackwardTo(first);
            tape.Owner = outside;
        }
    }
}

using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Tokenizers;

/// <summary>One term of a tokenizer's loss, which is the sum of weight times value. Further terms are further entries of the list.</summary>
/// <param name="Name">Name in logs.</param>
/// <param name="Value">The term; its first element counts.</param>
/// <param name="Weight">Factor.</param>
public sealed record LossTerm(string Name, Tensor Value, double Weight)
{
    /// <summary>The weighted sum; waits for the device.</summary>
    /// <param name="tape">On which the terms are.</param>
    /// <param name="terms">The terms.</param>
    /// <returns>The loss.</returns>
    public static double Sum(Tape tape, IReadOnlyList<LossTerm> terms) => terms.Sum(term => term.Weight * term.Value.ReadDoubles(tape.Backend)[0]);

    /// <summary>Computes the gradients of the weighted sum: each term receives its weight, and the tape is walked once.</summary>
    /// <param name="tape">On which the terms are.</param>
    /// <param name="terms">The terms.</param>
    /// <param name="factor">Of the whole sum: one over the micro-batches of a step.</param>
    public static void Backward(Tape tape, IReadOnlyList<LossTerm> terms, double factor = 1)
    {
        foreach (var term in terms)
        {
            tape.Backend.Fill(tape.Outgoing(term.Value, out _), factor * term.Weight);
        }

        tape.Backward();
    }
}

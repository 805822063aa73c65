using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Layers;

/// <summary>
/// The tokens between two half blocks: a stream and a branch that is not added yet. The addition waits for the next
/// normalisation, which reads the stream anyway, so that it costs no pass over memory of its own.
/// </summary>
/// <param name="H">The stream [B * T, C].</param>
/// <param name="Branch">What is still to be added [B * T, C], or null.</param>
/// <param name="Gate">Factor of the branch, or null for 1.</param>
public readonly record struct ResidualStream(Tensor H, Tensor? Branch, Modulation? Gate)
{
    /// <summary>Adds the pending branch and normalises.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="shift">A row an image, or null.</param>
    /// <param name="scale">A row an image, or null.</param>
    /// <param name="weight">[C], or null.</param>
    /// <param name="bias">[C], or null.</param>
    /// <returns>The new stream and the normalised tokens.</returns>
    public (Tensor H, Tensor Y) Normalize(Tape tape, Modulation? shift, Modulation? scale, Tensor? weight, Tensor? bias) =>
        Branch is { } branch
            ? Normalization.Apply(tape, H, branch, Gate, shift, scale, weight, bias)
            : (H, Normalization.Apply(tape, H, shift, scale, weight, bias));

    /// <summary>Adds the pending branch: the tokens themselves, as a probe reads them.</summary>
    /// <param name="tape">Records it.</param>
    /// <returns>[B * T, C].</returns>
    public Tensor Tokens(Tape tape) => Branch is { } branch ? Normalization.AddBranch(tape, H, branch, Gate) : H;
}

using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Layers;

/// <summary>
/// From a time step to the vector that all blocks are conditioned on: sinusoids, linear, SiLU, linear, SiLU. DiT's network with
/// its hidden width divided by four (paper, appendix A). The last SiLU belongs to each block's modulation in DiT; it is the same
/// for all of them, so it is computed once here.
/// </summary>
/// <param name="parameters">Where the layers are declared.</param>
/// <param name="width">Columns of the result.</param>
public sealed class TimeConditioning(ParameterSet parameters, int width)
{
    /// <summary>Columns of the sinusoids.</summary>
    public const int SinusoidWidth = 256;

    private static readonly Initializer Start = Initializer.Normal(0.02);
    private readonly LinearLayer _first = new(parameters, "time.0", SinusoidWidth, width, Start);
    private readonly LinearLayer _second = new(parameters, "time.2", width, width, Start);

    /// <summary>Embeds time steps.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="t">[B].</param>
    /// <returns>[B, width].</returns>
    public Tensor Apply(Tape tape, Tensor t)
    {
        var sinusoids = TimestepEmbedding.Apply(tape, t, SinusoidWidth);
        var hidden = Silu.Apply(tape, _first.Apply(tape, sinusoids));
        return Silu.Apply(tape, _second.Apply(tape, hidden));
    }
}

using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Layers;

/// <summary>
/// From a time step to the vector that all blocks are conditioned on: sinusoids, linear, SiLU, linear, SiLU. DiT's network with
/// its hidden width divided by four (paper, appendix A). The last SiLU belongs to each block's modulation in DiT; it is the same
/// for all of them, so it is computed once here. A class adds its own vector before that SiLU: one column of a table, which a product with a label that is
/// one there and zero elsewhere picks out, and whose gradient the product's backward sums.
/// </summary>
public sealed class TimeConditioning
{
    /// <summary>Columns of the sinusoids.</summary>
    public const int SinusoidWidth = 256;

    private static readonly Initializer Start = Initializer.Normal(0.02);
    private readonly LinearLayer? _first, _second;
    private readonly Parameter? _table;

    /// <summary>Declares the layers.</summary>
    /// <param name="parameters">Where they are declared.</param>
    /// <param name="width">Columns of the result.</param>
    /// <param name="time">Whether the time step is told.</param>
    /// <param name="labelColumns">Columns of a label, or 0 where no class is told.</param>
    public TimeConditioning(ParameterSet parameters, int width, bool time = true, int labelColumns = 0)
    {
        if (time)
        {
            _first = new LinearLayer(parameters, "time.0", SinusoidWidth, width, Start);
            _second = new LinearLayer(parameters, "time.2", width, width, Start);
        }

        _table = labelColumns > 0 ? parameters.Declare("label.table", new Shape(width, labelColumns), Start) : null;
    }

    /// <summary>Embeds time steps and classes.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="t">[B].</param>
    /// <param name="labels">[B, columns], of the activation type; null where no class is told.</param>
    /// <returns>[B, width].</returns>
    public Tensor Apply(Tape tape, Tensor t, Tensor? labels = null)
    {
        Tensor? time = null;
        if (_first is not null)
        {
            var sinusoids = TimestepEmbedding.Apply(tape, t, SinusoidWidth);
            var hidden = Silu.Apply(tape, _first.Apply(tape, sinusoids));
            time = _second!.Apply(tape, hidden);
        }

        var sum = _table is null ? time!
            : Linear.Apply(tape, labels ?? throw new ArgumentNullException(nameof(labels), "This network is told a class."), _table.Value, null, residual: time);
        return Silu.Apply(tape, sum);
    }
}

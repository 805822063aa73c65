using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Parameters;

/// <summary>How a parameter starts. Values are a pure function of (seed, parameter index, element), the same on every device.</summary>
public readonly record struct Initializer
{
    private readonly Law _law;
    private readonly double _scale;

    private Initializer(Law law, double scale)
    {
        _law = law;
        _scale = scale;
    }

    private enum Law
    {
        Constant,
        Uniform,
        Normal,
    }

    /// <summary>All zeros.</summary>
    public static Initializer Zeros { get; } = new(Law.Constant, 0);

    /// <summary>All one value.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The law.</returns>
    public static Initializer Constant(double value) => new(Law.Constant, value);

    /// <summary>N(0, std^2).</summary>
    /// <param name="std">Standard deviation.</param>
    /// <returns>The law.</returns>
    public static Initializer Normal(double std) => new(Law.Normal, std);

    /// <summary>Uniform in [-a, a], a = sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010): DiT's and MAE's linear layers.</summary>
    /// <param name="outputs">Rows of the weight.</param>
    /// <param name="inputs">Columns of the weight.</param>
    /// <returns>The law.</returns>
    public static Initializer XavierUniform(int outputs, int inputs) => new(Law.Uniform, Math.Sqrt(6.0 / (inputs + outputs)));

    /// <summary>Fills a parameter.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="index">Order of the parameter.</param>
    /// <param name="values">What to fill.</param>
    public void Fill(ulong seed, int index, Span<double> values)
    {
        if (_law == Law.Constant)
        {
            values.Fill(_scale);
            return;
        }

        Span<double> four = stackalloc double[4];
        for (var i = 0; i < values.Length; i += 4)
        {
            var (x, y, z, w) = Philox.Block(seed, RandomStream.Initialization, (uint)index, (ulong)(i / 4));
            if (_law == Law.Normal)
            {
                (four[0], four[1]) = Philox.Normals<double>(x, y);
                (four[2], four[3]) = Philox.Normals<double>(z, w);
            }
            else
            {
                (four[0], four[1], four[2], four[3]) = (Centred(x), Centred(y), Centred(z), Centred(w));
            }

            for (var k = 0; k < 4 && i + k < values.Length; k++)
            {
                values[i + k] = _scale * four[k];
            }
        }
    }

    private static double Centred(uint word) => (2.0 * Philox.Uniform(word)) - 1;
}

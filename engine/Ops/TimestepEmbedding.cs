using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// The sinusoids of a time step, cosines first (DiT): y = (cos(t w_i), sin(t w_i)), w_i = 10000^(-i / (width / 2)).
/// Time is data: there is no backward. Cost: a sine or cosine an element.
/// </summary>
public static class TimestepEmbedding
{
    /// <summary>Embeds time steps.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="t">[B], of the parameter type.</param>
    /// <param name="width">Even number of columns.</param>
    /// <returns>[B, width].</returns>
    public static Tensor Apply(Tape tape, Tensor t, int width)
    {
        if (width % 2 != 0)
        {
            throw new ArgumentException($"A time embedding has as many sines as cosines; {width} is odd.", nameof(width));
        }

        var y = tape.New(new Shape((int)t.Shape.Count, width));
        tape.Backend.TimestepEmbedding(t, y);
        return y;
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases => [Case(1, 2), Case(5, 14), Case(3, 256)];

    internal static OpCase Case(int images, int width) => new(
        "timestep embedding",
        $"{images}x{width}",
        [new("t", new Shape(images)) { Positive = true, Mean = 20, Scale = 10, IsParameter = true }],
        (tape, i) => [Apply(tape, i[0], width)])
    {
        Flops = 20.0 * images * width,
        Elements = (double)images * width,
        Differentiable = false,
    };
}

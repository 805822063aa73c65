using System.Runtime.InteropServices;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Backends;

/// <summary>
/// The rows of a matrix of windows, as a rule instead of as numbers. Row (b, i, j), columns (u, v, c) hold source[b, y, x, c] with
/// y = (Stride i + Offset + Direction u) / Divisor and x likewise from j and v, where that division leaves nothing and the place is
/// inside the image; else zero. Forward, Direction is 1 and Divisor 1: windows of the input. For the input's gradient, every input pixel
/// looks back at the outputs it went into: Direction is -1 and Divisor the stride, and the source is the gradient of the output.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ConvolutionWindows
{
    private ConvolutionWindows(Shape places, Shape source, in ConvolutionArgs args)
    {
        (Images, Height, Width) = (places[0], places[1], places[2]);
        (SourceHeight, SourceWidth, Channels) = (source[1], source[2], source[3]);
        (KernelHeight, KernelWidth) = (args.Weight.Shape[1], args.Weight.Shape[2]);
    }

    public int Images { get; }

    public int Height { get; }

    public int Width { get; }

    public int SourceHeight { get; }

    public int SourceWidth { get; }

    public int Channels { get; }

    public int KernelHeight { get; }

    public int KernelWidth { get; }

    public int Stride { get; private init; }

    public int Offset { get; private init; }

    public int Direction { get; private init; }

    public int Divisor { get; private init; }

    /// <summary>Rows of the matrix.</summary>
    public int Rows => Images * Height * Width;

    /// <summary>Columns of the matrix.</summary>
    public int Columns => KernelHeight * KernelWidth * Channels;

    /// <summary>Whether the matrix is the source itself: a kernel of one pixel that moves by one.</summary>
    public bool IsSource => KernelHeight * KernelWidth == 1 && Stride == 1 && Offset == 0 && Divisor == 1;

    /// <summary>The windows of the input: y = windows weight^T.</summary>
    public static ConvolutionWindows OfInput(in ConvolutionArgs args) =>
        new(args.Y.Shape, args.X.Shape, args) { Stride = args.Stride, Offset = -args.Padding, Direction = 1, Divisor = 1 };

    /// <summary>The windows of the output's gradient: dx = windows weight', weight' being [Kh Kw N, C].</summary>
    public static ConvolutionWindows OfOutput(in ConvolutionArgs args) =>
        new(args.X.Shape, args.Y.Shape, args) { Stride = 1, Offset = args.Padding, Direction = -1, Divisor = args.Stride };

    /// <summary>Rows that are made and multiplied at a time; by the shape alone.</summary>
    /// <param name="elements">About how many elements a tile has.</param>
    /// <param name="multiple">The tile's rows are a multiple of this.</param>
    public int TileRows(int elements, int multiple) => IsSource ? Rows : Math.Max(1, elements / Columns / multiple) * multiple;

    /// <summary>Where in the source, along one axis, a place of the kernel lies; or -1 when it is outside.</summary>
    /// <param name="place">i or j.</param>
    /// <param name="tap">u or v.</param>
    /// <param name="size">Source pixels along the axis.</param>
    public int SourceOf(int place, int tap, int size)
    {
        var at = (Stride * place) + Offset + (Direction * tap);
        return at >= 0 && at % Divisor == 0 && at / Divisor < size ? at / Divisor : -1;
    }
}

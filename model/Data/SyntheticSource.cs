using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Data;

/// <summary>
/// Ten classes of drawn shapes and textures. Only the shape determines the class: colours, position, size, rotation, shading,
/// clutter and noise are independent of it. An image is a pure function of (seed, split, index).
/// </summary>
public sealed class SyntheticSource : IImageSource
{
    private const uint TestImages = 0x8000_0000;
    private const uint FirstNoiseWord = 1024;
    private const float LeastContrast = 0.3f;

    private readonly int _size;
    private readonly ulong _seed;
    private readonly bool _train;

    /// <summary>A set of images, drawn on demand.</summary>
    /// <param name="count">Number of images, at least 1; the labels alternate.</param>
    /// <param name="size">Side of the square images in pixels, at least 8.</param>
    /// <param name="seed">Seed; the same seed gives the same images.</param>
    /// <param name="train">Training images, or test images that no training set contains.</param>
    /// <exception cref="LdaeException">Configuration: count or size is too small.</exception>
    public SyntheticSource(int count, int size, ulong seed, bool train)
    {
        if (count < 1)
        {
            throw new LdaeException(ErrorKind.Configuration, $"synthetic: count is {count}, below 1.", "Use at least one image.");
        }

        if (size is < 8 or > 4096)
        {
            throw new LdaeException(
                ErrorKind.Configuration, $"synthetic: image size {size} is outside 8 to 4096 pixels.", "Choose a size in that range.");
        }

        (Count, _size, _seed, _train) = (count, size, seed, train);
    }

    /// <inheritdoc/>
    public string Name => $"synthetic:{Count} ({(_train ? "train" : "test")})";

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => SyntheticShapes.Names;

    /// <inheritdoc/>
    public (int Width, int Height)? UniformSize => (_size, _size);

    /// <inheritdoc/>
    public int Label(int index)
    {
        Check(index);
        return index % SyntheticShapes.Names.Length;
    }

    /// <inheritdoc/>
    public string Describe(int index)
    {
        Check(index);
        return $"synthetic {(_train ? "train" : "test")} image {index} of seed {_seed}";
    }

    /// <inheritdoc/>
    public RgbImage Decode(int index)
    {
        var label = Label(index);
        var image = (uint)index | (_train ? 0 : TestImages);
        var scene = new Scene(new Draws(_seed, image), _size);
        var pixels = new byte[_size * _size * 3];
        for (var y = 0; y < _size; y++)
        {
            for (var x = 0; x < _size; x++)
            {
                var pixel = (y * _size) + x;
                var noise = Philox.Word(_seed, RandomStream.Synthetic, image, FirstNoiseWord + (ulong)pixel);
                scene.Draw(label, x, y, noise, pixels.AsSpan(pixel * 3, 3));
            }
        }

        return new RgbImage(_size, _size, pixels);
    }

    private void Check(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
    }

    /// <summary>The random numbers of one image, in order.</summary>
    private sealed class Draws(ulong seed, uint image)
    {
        private ulong _next;

        public float Next() => Philox.Uniform(Philox.Word(seed, RandomStream.Synthetic, image, _next++));

        public float Between(float low, float high) => low + ((high - low) * Next());

        public Colour Colour() => new(Next(), Next(), Next());
    }

    private readonly record struct Colour(float R, float G, float B)
    {
        public float Luma => (0.299f * R) + (0.587f * G) + (0.114f * B);

        public Colour Towards(Colour other, float share) =>
            new(R + (share * (other.R - R)), G + (share * (other.G - G)), B + (share * (other.B - B)));

        public Colour Plus(float value) => new(R + value, G + value, B + value);
    }

    private readonly record struct Speck(float X, float Y, float Radius, Colour Colour);

    /// <summary>The properties of an image that are independent of its class.</summary>
    private sealed class Scene
    {
        private readonly Colour _background, _foreground;
        private readonly Speck[] _specks;
        private readonly float _radius, _centreX, _centreY, _sin, _cos, _gradientX, _gradientY, _noise, _half;

        public Scene(Draws draws, int size)
        {
            _half = size / 2f;
            _background = draws.Colour();
            _foreground = Contrasting(draws, _background);

            // The narrowest shape is the square, 1.4 radii across: at least 0.455 of the side.
            _radius = size * draws.Between(0.325f, 0.44f);
            _centreX = draws.Between(_radius, size - _radius);
            _centreY = draws.Between(_radius, size - _radius);
            (_sin, _cos) = MathF.SinCos(draws.Between(0, 2 * MathF.PI));

            var strength = draws.Between(0, 0.1f) / _half;
            var (gradientSin, gradientCos) = MathF.SinCos(draws.Between(0, 2 * MathF.PI));
            (_gradientX, _gradientY) = (strength * gradientCos, strength * gradientSin);
            _noise = draws.Between(0, 0.08f);

            _specks = new Speck[(int)draws.Between(0, 4)];
            for (var i = 0; i < _specks.Length; i++)
            {
                _specks[i] = new Speck(
                    draws.Between(0, size), draws.Between(0, size), size * draws.Between(0.03f, 0.06f), draws.Colour());
            }
        }

        /// <summary>Paints one pixel: background, then specks, then the shape, then noise.</summary>
        public void Draw(int label, int column, int row, uint noise, Span<byte> rgb)
        {
            float x = column + 0.5f, y = row + 0.5f;
            var colour = _background.Plus((_gradientX * (x - _half)) + (_gradientY * (y - _half)));
            foreach (var speck in _specks)
            {
                float sx = x - speck.X, sy = y - speck.Y;
                colour = colour.Towards(speck.Colour, Coverage(MathF.Sqrt((sx * sx) + (sy * sy)) - speck.Radius));
            }

            float dx = (x - _centreX) / _radius, dy = (y - _centreY) / _radius;
            var distance = SyntheticShapes.Distance(label, (_cos * dx) + (_sin * dy), (_cos * dy) - (_sin * dx));
            colour = colour.Towards(_foreground, Coverage(distance * _radius));

            rgb[0] = Quantize(colour.R, noise & 255);
            rgb[1] = Quantize(colour.G, (noise >> 8) & 255);
            rgb[2] = Quantize(colour.B, (noise >> 16) & 255);
        }

        /// <summary>A colour whose brightness differs visibly from another's.</summary>
        private static Colour Contrasting(Draws draws, Colour other)
        {
            for (var attempt = 0; attempt < 32; attempt++)
            {
                var colour = draws.Colour();
                if (MathF.Abs(colour.Luma - other.Luma) >= LeastContrast)
                {
                    return colour;
                }
            }

            return other.Luma < 0.5f ? new Colour(1, 1, 1) : new Colour(0, 0, 0);
        }

        /// <summary>The share of a pixel that lies inside an edge, for a distance in pixels.</summary>
        private static float Coverage(float distance) => Math.Clamp(0.5f - distance, 0, 1);

        private byte Quantize(float value, uint noise) =>
            (byte)Math.Clamp((255 * (value + (_noise * ((noise / 255f) - 0.5f) * 2))) + 0.5f, 0, 255);
    }
}

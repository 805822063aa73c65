using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// Images to rows of patches: bytes, or numbers of the parameter type, become real values, each patch is flattened as (row, column, channel). Data preparation:
/// there is no backward. Cost: memory-bound; reads a byte and writes a value an element.
/// </summary>
public static class Patchify
{
    /// <summary>Cuts images into patches.</summary>
    /// <param name="tape">Gives the memory.</param>
    /// <param name="images">[B, H, W, 3], U8 or of the parameter type.</param>
    /// <param name="patch">Side of a patch; divides H and W.</param>
    /// <param name="range">Factor and offset of each channel [2, 3].</param>
    /// <returns>[B, T, patch * patch * 3].</returns>
    public static Tensor Apply(Tape tape, Tensor images, int patch, Tensor range)
    {
        var patches = tape.New(ShapeOf(images, patch));
        tape.Backend.Patchify(images, patch, range, patches);
        return patches;
    }

    /// <summary>The shape of the patches of images.</summary>
    /// <param name="images">[B, H, W, 3].</param>
    /// <param name="patch">Side of a patch; divides H and W.</param>
    /// <returns>[B, T, patch * patch * 3].</returns>
    internal static Shape ShapeOf(Tensor images, int patch)
    {
        int height = images.Shape[1], width = images.Shape[2];
        return height % patch == 0 && width % patch == 0
            ? new Shape(images.Shape[0], height / patch * (width / patch), patch * patch * 3)
            : throw new ArgumentException($"Patches of {patch} pixels do not tile {images}.", nameof(patch));
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
        [Case(1, 2, 2, 1), Case(2, 6, 9, 3), Case(2, 8, 8, 4), Case(1, 6, 4, 2, bytes: false), Case(2, 8, 8, 4, bytes: false), Case(128, 32, 32, 4) with { TimingOnly = true }];

    internal static OpCase Case(int images, int height, int width, int patch, bool bytes = true) => new(
        "patchify",
        $"{images}x{height}x{width}, patch {patch}{(bytes ? "" : ", floats")}",
        [
            Pixels(images, height, width, bytes),
            new("range", new Shape(2, 3)) { Scale = 0.01, IsParameter = true },
        ],
        (tape, i) => [Apply(tape, i[0], patch, i[1])])
    {
        Flops = 2.0 * images * height * width * 3,
        Elements = 1.25 * images * height * width * 3,
        Differentiable = false,
    };

    internal static CaseInput Pixels(int images, int height, int width, bool bytes) => bytes
        ? new("images", new Shape(images, height, width, 3)) { Below = 256, IntegerType = DType.U8 }
        : new("images", new Shape(images, height, width, 3)) { Mean = 128, Scale = 60, IsParameter = true };
}

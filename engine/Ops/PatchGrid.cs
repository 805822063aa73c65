using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Engine.Ops;

/// <summary>
/// Between images and the tokens of a grid of patches: patches[b, (i, j), (u, v, c)] = image[b, i P + u, j P + v, c], the order of the patchify op,
/// and back. Pixels and latents alike: two by two latent pixels of a convolutional tokenizer make one token.
/// <para>Backward: each is the other's.</para>
/// Cost: every element read and written once; memory-bound.
/// </summary>
public static class PatchGrid
{
    /// <summary>Cuts images into patches.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="image">[B, H, W, C].</param>
    /// <param name="patch">Side of a patch, in pixels; divides H and W.</param>
    /// <returns>[B, T, patch * patch * C].</returns>
    public static Tensor ToPatches(Tape tape, Tensor image, int patch)
    {
        Check(image.Shape[1], image.Shape[2], patch);
        var tokens = image.Shape[1] / patch * (image.Shape[2] / patch);
        var patches = tape.New(new Shape(image.Shape[0], tokens, patch * patch * image.Shape[3]), requiresGradient: image.RequiresGradient);
        tape.Backend.ToPatches(image, patch, patches, accumulate: false);
        if (image.RequiresGradient)
        {
            tape.Record(new PatchNode(image, patches, patch, toPatches: true));
        }

        return patches;
    }

    /// <summary>Puts patches together to images.</summary>
    /// <param name="tape">Records it.</param>
    /// <param name="patches">[B, T, patch * patch * C].</param>
    /// <param name="patch">Side of a patch, in pixels; divides height and width.</param>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Columns of an image.</param>
    /// <returns>[B, height, width, C].</returns>
    public static Tensor FromPatches(Tape tape, Tensor patches, int patch, int height, int width)
    {
        Check(height, width, patch);
        if ((long)patches.Shape[1] * patch * patch != (long)height * width || patches.Shape[2] % (patch * patch) != 0)
        {
            throw new ArgumentException($"{patches} are not the patches of side {patch} of images of {height} by {width} pixels.", nameof(patches));
        }

        var image = tape.New(new Shape(patches.Shape[0], height, width, patches.Shape[2] / (patch * patch)), requiresGradient: patches.RequiresGradient);
        tape.Backend.FromPatches(patches, patch, image, accumulate: false);
        if (patches.RequiresGradient)
        {
            tape.Record(new PatchNode(image, patches, patch, toPatches: false));
        }

        return image;
    }

    private static void Check(int height, int width, int patch)
    {
        if (patch < 1 || height % patch != 0 || width % patch != 0)
        {
            throw new ArgumentException($"Patches of side {patch} do not tile an image of {height} by {width} pixels.", nameof(patch));
        }
    }

    private sealed class PatchNode(Tensor image, Tensor patches, int patch, bool toPatches) : Node
    {
        public override IReadOnlyList<Tensor> Owned { get; } = toPatches ? [patches] : [image];

        public override void Backward(Tape tape)
        {
            if (toPatches && tape.Incoming(patches) is { } dPatches)
            {
                var dImage = tape.Outgoing(image, out var add);
                tape.Backend.FromPatches(dPatches, patch, dImage, add);
            }
            else if (!toPatches && tape.Incoming(image) is { } dImage)
            {
                var dInput = tape.Outgoing(patches, out var add);
                tape.Backend.ToPatches(dImage, patch, dInput, add);
            }
        }
    }

    /// <summary>The cases of the tests and the bench.</summary>
    public static IEnumerable<OpCase> Cases =>
    [
        Cut(1, 2, 2, 1, 2), Cut(2, 6, 4, 3, 2), Cut(1, 4, 8, 4, 4, twice: true), Cut(2, 3, 5, 2, 1), Joined(2, 6, 4, 3, 2), Joined(1, 4, 4, 8, 2, twice: true),
        Cut(64, 32, 32, 3, 4) with { TimingOnly = true }, Joined(64, 32, 32, 3, 4) with { TimingOnly = true },
    ];

    private static OpCase Cut(int images, int height, int width, int channels, int patch, bool twice = false) => Case(
        "cut to patches",
        new Shape(images, height, width, channels),
        new Shape(images, height, width, channels),
        patch,
        twice,
        (tape, x) => ToPatches(tape, x, patch));

    private static OpCase Joined(int images, int height, int width, int channels, int patch, bool twice = false) => Case(
        "joined from patches",
        new Shape(images, height, width, channels),
        new Shape(images, height * width / patch / patch, patch * patch * channels),
        patch,
        twice,
        (tape, x) => FromPatches(tape, x, patch, height, width));

    private static OpCase Case(string op, Shape image, Shape input, int patch, bool twice, Func<Tape, Tensor, Tensor> apply) => new(
        op,
        $"{image[0]}x{image[1]}x{image[2]}x{image[3]}, patch {patch}{(twice ? ", read twice" : "")}",
        [new("x", input)],
        (tape, i) => twice ? [apply(tape, i[0]), apply(tape, i[0])] : [apply(tape, i[0])])
    {
        Flops = 0,
        Elements = 2.0 * image.Count,
        BackwardElements = 2.0 * image.Count,
    };
}

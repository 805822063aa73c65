using System.Globalization;
using LDaeCore.Engine.Errors;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Model.Journey;

/// <summary>The sweeps of the paper by name; each starts from the recipe of a step.</summary>
public static class JourneySweeps
{
    private const int PaperHalfDepth = 12;

    private static readonly (string Series, string Step)[] Tokenizers =
        [("conv VAE", "conv-vae"), ("patch VAE", "patch-vae"), ("patch AE", "patch-ae"), ("patch PCA", "patch-pca")];

    private static readonly Dictionary<string, (int Dim, double Top1)[]> Table2 = new(StringComparer.Ordinal)
    {
        ["conv-vae"] = [(8, 54.5), (16, 63.4), (32, 62.8), (64, 57.0), (128, 48.1)],
        ["patch-vae"] = [(8, 58.3), (16, 64.9), (32, 64.8), (64, 56.8)],
        ["patch-ae"] = [(8, 59.9), (16, 64.7), (32, 64.6), (64, 59.9)],
        ["patch-pca"] = [(8, 56.0), (16, 63.4), (32, 65.1), (64, 60.0), (128, 53.9)],
    };

    private static readonly Dictionary<string, Func<string, JourneyPreset, JourneySweep>> Makers = new(StringComparer.Ordinal)
    {
        ["d"] = (name, p) => new(name, "latents per token, d, of patch-wise PCA", "table 2", [.. Dims("", "patch-pca", p)]),
        ["tokenizer-d"] = (name, p) => new(name, "latents per token, d, of every tokenizer", "table 2", [.. Tokenizers.SelectMany(t => Dims(t.Series, t.Step, p))]),
        ["resize"] = (name, p) => new(name, "pixels of resized images as latents: side of the image", "figure 5; read off it but for its ends", [.. Resized(p)]),
        ["time"] = (name, p) => new(name, "level of noise told to the probed encoder, t", "appendix A", [.. Times(p)]),
        ["block"] = (name, p) => new(name, "block that is probed, from the middle of the stack", "appendix A", [.. Blocks(p)]),
        ["levels"] = (name, p) => new(name, "levels of noise", "section 4.3", [Step("several", "l-dae", p), Step("one", "single-level", p)]),
        ["crop"] = (name, p) => new(name, "crop of the training images", "section 4.4", [Step("centre", "l-dae", p), Step("random", "random-crop", p)]),
        ["size"] = (name, p) => new(name, "size of the network", "section 4.4", [.. Sizes(p)]),
        ["epochs"] = (name, p) => new(name, "length of the training", "section 4.4", [.. Lengths(p)]),
    };

    /// <summary>Every sweep's name.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Makers.Keys];

    /// <summary>A sweep by its name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="preset">The size.</param>
    /// <returns>The sweep.</returns>
    /// <exception cref="LdaeException">Configuration: there is no such sweep.</exception>
    public static JourneySweep Get(string name, JourneyPreset preset) => Makers.TryGetValue(name, out var make)
        ? make(name, preset)
        : throw new LdaeException(
            ErrorKind.Configuration,
            $"The journey has no sweep '{name}'; it takes {string.Join(", ", Names)}.",
            $"Did you mean '{NearestName.Of(name, Names)}'?");

    /// <summary>Table 2 was made with the schedule that is linear in gamma squared, as all the tokenizers' steps have it but the convolutional one's, which came before.</summary>
    private static IEnumerable<SweepPoint> Dims(string series, string step, JourneyPreset p)
    {
        var from = JourneySteps.Get(step == "conv-vae" ? "linear-gamma" : step);
        foreach (var dim in p.Dims.Where(dim => step != "conv-vae" || dim % 4 == 0))
        {
            var paper = Table2[step].Where(cell => cell.Dim == JourneyPresets.PaperDim(dim, p.Recipe.Tokenizer.Patch)).Select(cell => (double?)cell.Top1).FirstOrDefault();
            yield return new SweepPoint(series, Text(dim), JourneyEntry.Of(from, p, r => r with { Tokenizer = r.Tokenizer with { Dim = dim } }), paper);
        }
    }

    private static IEnumerable<SweepPoint> Resized(JourneyPreset p)
    {
        // The smallest image's number is 43.7 or 44.7: the figure does not say which of its two labels belongs to it.
        double?[] paper = [23.6, 53.0, 58.5, null];
        const int smallest = 8;
        for (var halvings = 0; halvings < paper.Length && p.Recipe.Data.ImageSize >> halvings >= smallest && p.Recipe.Tokenizer.Patch >> halvings >= 1; halvings++)
        {
            var times = halvings;
            yield return new SweepPoint(
                "",
                Text(p.Recipe.Data.ImageSize >> halvings),
                JourneyEntry.Of(JourneySteps.Get("patch-pca"), p, r => JourneySteps.Pixels(JourneySteps.Resized(r, times))),
                paper[halvings]);
        }
    }

    private static IEnumerable<SweepPoint> Times(JourneyPreset p)
    {
        int[] times = [0, 10, 20, 40, 80];
        (string, ProbeInput, double[])[] lines =
            [("clean input", ProbeInput.Original, [64.1, 64.5, 64.1, 63.3, 62.2]), ("noised input", ProbeInput.Noised, [64.2, 65.0, 65.0, 65.0, 64.5])];
        return lines.SelectMany(line => times.Select((time, i) => new SweepPoint(
            line.Item1,
            Text(time),
            JourneyEntry.Of(JourneySteps.Get("l-dae"), p, r => r with { Probe = r.Probe with { Time = time, Input = line.Item2 } }),
            line.Item3[i])));
    }

    private static IEnumerable<SweepPoint> Blocks(JourneyPreset p)
    {
        double[] paper = [58.5, 62.0, 64.1, 64.5, 63.6, 61.9, 59.7];
        const int first = 9;
        var (half, depth) = (p.Recipe.Network.Depth / 2, p.Recipe.Network.Depth);
        for (var i = 0; i < paper.Length; i++)
        {
            var block = half + first + i - PaperHalfDepth;
            if (block >= 1 && block <= depth)
            {
                yield return new SweepPoint("", Text(block), JourneyEntry.Of(JourneySteps.Get("l-dae"), p, r => r with { Probe = r.Probe with { Block = block } }), paper[i]);
            }
        }
    }

    /// <summary>The paper's three: a narrower network, ours, and one that is twice as deep.</summary>
    private static IEnumerable<SweepPoint> Sizes(JourneyPreset p)
    {
        var (width, heads, depth) = (p.Recipe.Network.Width, p.Recipe.Network.Heads, p.Recipe.Network.Depth);

        // Three quarters of the heads, as wide as they are.
        var narrow = Math.Max(1, heads * 3 / 4);
        (int Width, int Heads, int Depth, double Paper)[] sizes =
            [(width / heads * narrow, narrow, depth, 60.3), (width, heads, depth, 65.0), (width, heads, 2 * depth, 70.9)];
        return sizes.Select(size => new SweepPoint(
            "",
            string.Create(CultureInfo.InvariantCulture, $"width {size.Width}, {size.Depth} blocks"),
            JourneyEntry.Of(JourneySteps.Get("random-crop"), p, r => r with
            {
                Network = r.Network with { Width = size.Width, Heads = size.Heads, Depth = size.Depth, EncoderDepth = size.Depth / 2 },
                Probe = r.Probe with { Block = size.Depth / 2 },
            }),
            size.Paper));
    }

    private static IEnumerable<SweepPoint> Lengths(JourneyPreset p)
    {
        (int Times, double Paper)[] lengths = [(1, 65.0), (2, 67.5), (4, 69.6)];
        return lengths.Select(length => new SweepPoint(
            "",
            $"{length.Times} x",
            JourneyEntry.Of(JourneySteps.Get("random-crop"), p, r => r with { Train = Longer(r.Train, length.Times) }),
            length.Paper));
    }

    private static TrainRecipe Longer(TrainRecipe train, int times) => train with { Steps = train.Steps * times, Epochs = train.Epochs * times, Minutes = train.Minutes * times };

    private static SweepPoint Step(string label, string step, JourneyPreset p) =>
        new("", label, JourneyEntry.Of(JourneySteps.Get(step), p), JourneySteps.Get(step).PaperTop1);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A table or a figure of the paper, to be measured again.</summary>
/// <param name="Name">Its name, as <c>--sweep</c> takes it.</param>
/// <param name="Title">What is swept.</param>
/// <param name="Source">Where the paper has it.</param>
/// <param name="Points">The points, line by line.</param>
public sealed record JourneySweep(string Name, string Title, string Source, IReadOnlyList<SweepPoint> Points);

/// <summary>One point of a sweep.</summary>
/// <param name="Series">Which of the sweep's lines it is on; empty where there is one only.</param>
/// <param name="Label">The value that is swept, as the table has it.</param>
/// <param name="Entry">What is measured.</param>
/// <param name="PaperTop1">The paper's number there, percent; null where it has none.</param>
public sealed record SweepPoint(string Series, string Label, JourneyEntry Entry, double? PaperTop1);
